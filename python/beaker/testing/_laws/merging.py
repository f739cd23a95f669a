"""Requests that change one session at once: whose changes are kept."""

import threading
import warnings
from collections.abc import Callable  # noqa: TC003 - an annotation of an attribute
from typing import Any

import pytest

from beaker.exceptions import CorruptSessionError
from beaker.testing._backend import Backend
from beaker.testing._clock import Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, Literals, content, opened, plant, text


class _Alike:
    """Values of an application's own that all claim to be equal."""

    def __init__(self, inner: int) -> None:
        self.inner = inner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Alike)

    __hash__ = None  # type: ignore[assignment]


class Overtaken(Literals):
    """Lets a rival save the session each time that the victim's thread reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.victim: int | None = None
        self.rival: Callable[[], None] = lambda: None
        self.rivals: list[threading.Thread] = []

    def loads(self, data: bytes) -> Any:
        if threading.get_ident() == self.victim:
            self.rivals.append(threading.Thread(target=self.rival))
            self.rivals[-1].start()
            self.rivals[-1].join(0.05)
        return super().loads(data)


def _begun(backend: Backend, values: dict[str, Any], **options: Any) -> tuple[Any, Any]:
    """Two sessions that were loaded at the same time from a record with these values."""
    first = opened(backend, ID, **options)
    first.update(values)
    first.save()
    return opened(backend, ID, **options), opened(backend, ID, **options)


class Merging(Laws):
    """Requests that change one session at once."""

    def test_changes_of_different_keys_both_survive(self, backend: Backend, encoding: dict[str, Any]) -> None:
        one, other = _begun(backend, {"kept": 0}, **encoding)
        one["one"] = [1]
        other["other"] = {"a": 1}
        one.save()
        other.save()
        assert content(backend, **encoding) == {"kept": 0, "one": [1], "other": {"a": 1}}

    def test_requests_that_overlap_keep_each_others_changes(self, browser: Browsers) -> None:
        visitor, same = browser(secret="s" * 32), browser(secret="s" * 32)
        visitor.put(name="Ada")
        same.jar = visitor.jar

        def work(session: Any) -> None:
            session["one"] = session["name"]
            same.put(other=2)
            session.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Ada", "one": "Ada", "other": 2}

    def test_of_changes_of_the_same_key_the_last_one_stays(self, backend: Backend) -> None:
        one, other = _begun(backend, {"key": "before", "kept": 0})
        one["key"], other["key"] = "one", "other"
        one["more"] = 1
        one.save()
        other.save()
        assert content(backend) == {"key": "other", "kept": 0, "more": 1}

    def test_a_key_that_one_deleted_stays_deleted(self, backend: Backend) -> None:
        one, other = _begun(backend, {"gone": 1, "kept": 0})
        del one["gone"]
        other["other"] = 2
        one.save()
        other.save()
        assert content(backend) == {"kept": 0, "other": 2}

    def test_a_key_that_the_last_writer_deleted_is_deleted(self, backend: Backend) -> None:
        one, other = _begun(backend, {"gone": 1, "kept": 0})
        one["gone"], one["more"] = 2, 3
        del other["gone"]
        one.save()
        other.save()
        assert content(backend) == {"kept": 0, "more": 3}

    def test_a_key_that_both_deleted_is_deleted(self, backend: Backend) -> None:
        one, other = _begun(backend, {"gone": 1})
        del one["gone"], other["gone"]
        one.save()
        other.save()
        assert content(backend) == {}

    def test_clear_deletes_what_was_there_and_not_what_others_add(self, backend: Backend) -> None:
        one, other = _begun(backend, {"gone": 1, "too": 2})
        one["added"] = 3
        other.clear()
        one.save()
        other.save()
        assert content(backend) == {"added": 3}

    def test_a_value_that_was_changed_in_place_counts_as_changed(
        self, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        one, other = _begun(backend, {"cart": ["apple"], "seen": ["a"]}, **encoding)
        one["cart"].append("pear")
        other["seen"].append("b")
        one.save()
        other.save()
        assert content(backend, **encoding) == {"cart": ["apple", "pear"], "seen": ["a", "b"]}

    def test_a_change_in_place_that_is_never_saved_merges_like_any_other(
        self, browser: Browsers, encoding: dict[str, Any]
    ) -> None:
        visitor, same = browser(**encoding), browser(**encoding)
        visitor.put(cart=["apple"], name="Ada")
        same.jar = visitor.jar

        def work(session: Any) -> None:
            session["cart"].append("pear")
            session["dropped"] = True
            same.put(name="Grace", other=1)

        visitor.visit(work)
        assert visitor.read() == {"cart": ["apple", "pear"], "name": "Grace", "other": 1}

    def test_a_value_that_was_only_looked_at_is_not_ours(self, backend: Backend) -> None:
        one, other = _begun(backend, {"cart": ["apple"], "tags": {"x", "y"}})
        assert other["cart"] == ["apple"]
        one["cart"], one["tags"] = ["pear"], {"z"}
        other["more"] = 1
        one.save()
        other.save()
        assert content(backend) == {"cart": ["pear"], "tags": {"z"}, "more": 1}

    def test_values_are_compared_as_they_are_stored(self, backend: Backend) -> None:
        one, other = _begun(backend, {"mine": _Alike(1), "one": 1, "nothing": 0.0, "nan": float("nan")})
        other["mine"].inner = 2
        other["one"], other["nothing"] = True, -0.0
        one["more"] = 1
        one["nan"] = 5
        one.save()
        other.save()
        found = content(backend)
        assert found["mine"].inner == 2
        assert found["one"] is True
        assert str(found["nothing"]) == "-0.0"
        assert (found["more"], found["nan"]) == (1, 5)

    def test_a_merge_does_not_change_what_the_program_sees(self, backend: Backend) -> None:
        one, other = _begun(backend, {"shared": ["a"], "kept": 0})
        one["one"] = 1
        one["kept"] = 9
        one.save()
        other["other"] = 2
        other.save()
        assert "one" not in other
        assert other["kept"] == 0
        other["later"] = 3
        other["shared"].append("b")
        other.save()
        assert content(backend) == {"shared": ["a", "b"], "kept": 9, "one": 1, "other": 2, "later": 3}
        one["last"] = 4
        one.save()
        assert content(backend)["other"] == 2
        assert content(backend)["last"] == 4

    def test_a_session_that_is_loaded_again_after_a_merge_has_everything(self, backend: Backend) -> None:
        one, other = _begun(backend, {"kept": 0})
        one["one"] = 1
        one.save()
        other["other"] = 2
        other.save()
        other.load()
        assert other["one"] == 1
        del other["one"]
        other.save()
        assert content(backend) == {"kept": 0, "other": 2}

    def test_a_second_save_of_a_request_merges_from_the_first(self, backend: Backend) -> None:
        one, other = _begun(backend, {})
        other["mine"] = 1
        other.save()
        one["one"] = 1
        one.save()
        del other["mine"]
        other.save()
        assert content(backend) == {"one": 1}

    def test_a_save_after_the_first_of_a_new_session_merges(self, backend: Backend) -> None:
        new = opened(backend, ID)
        new["new"] = 1
        new.save()
        other = opened(backend, ID)
        other["other"] = 2
        other.save()
        new["more"] = 3
        new.save()
        assert content(backend) == {"new": 1, "other": 2, "more": 3}

    def test_two_that_begin_a_session_under_one_id_both_keep_their_keys(self, backend: Backend) -> None:
        one, other = opened(backend, ID), opened(backend, ID)
        one["one"] = 1
        other["other"] = 2
        one.save()
        other.save()
        assert content(backend) == {"one": 1, "other": 2}
        other["more"] = 3
        other.save()
        assert content(backend) == {"one": 1, "other": 2, "more": 3}

    def test_the_later_access_time_stays_and_so_does_the_beginning(
        self, backend: Backend, clock: Clock
    ) -> None:
        began = clock.now
        early, _ = _begun(backend, {})
        clock.advance(100)
        late = opened(backend, ID)
        late["late"] = 1
        late.save()
        early["early"] = 2
        early["_creation_time"] = began - 1000
        early.save()
        found = opened(backend, ID)
        assert found.last_accessed == began + 100
        assert found.created == began

    def test_a_rotated_session_takes_the_others_changes_along(self, browser: Browsers) -> None:
        visitor, same = browser(), browser()
        visitor.put(name="Ada")
        same.jar = visitor.jar

        def work(session: Any) -> None:
            session["level"] = "admin"
            same.put(other=1)
            session.regenerate_id()
            session.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Ada", "level": "admin", "other": 1}

    def test_a_reader_beside_a_writer_is_no_conflict_that_anybody_notices(
        self, browser: Browsers, clock: Clock
    ) -> None:
        visitor, same = browser(timeout=600), browser(timeout=600)
        visitor.put(name="Ada")
        same.jar = visitor.jar

        def work(session: Any) -> None:
            session["name"] = "Grace"
            clock.advance(5)
            assert same.read() == {"name": "Ada"}
            session.save()

        visitor.visit(work)
        assert visitor.read() == {"name": "Grace"}

    def test_a_save_that_meets_nobody_decodes_nothing(self, backend: Backend) -> None:
        literals = Literals()
        one, _ = _begun(backend, {"a": 1}, data_serializer=literals)
        loaded = literals.loaded
        one["a"] = 2
        one.save()
        one["a"] = 3
        one.save()
        assert literals.loaded == loaded

    def test_with_beaker_the_last_writer_has_it_all(self, backend: Backend) -> None:
        one, other = _begun(backend, {"kept": 0}, concurrency="beaker")
        one["one"], other["other"] = 1, 2
        one.save()
        other.save()
        assert content(backend) == {"kept": 0, "other": 2}

    def test_a_record_made_unreadable_is_not_overwritten(self, backend: Backend) -> None:
        one, _ = _begun(backend, {"name": "Ada"})
        namespace = one.namespace
        plant(namespace, "no base64 at all!")
        one["name"] = "Grace"
        with pytest.raises(CorruptSessionError):
            one.save()
        assert text(namespace) == "no base64 at all!"

    def test_a_conflict_leaves_no_warning_behind(self, backend: Backend) -> None:
        one, other = _begun(backend, {})
        one["one"], other["other"] = 1, 2
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one.save()
            other.save()

    @pytest.mark.parametrize("rival_saves", [True, False])
    def test_a_save_that_is_always_overtaken_ends(self, backend: Backend, rival_saves: bool) -> None:
        serializer = Overtaken()
        one, other = _begun(backend, {"kept": 0}, data_serializer=serializer)
        saved = []

        def rival() -> None:
            session = opened(backend, ID, data_serializer=serializer)
            if rival_saves:
                session["rivals"] = threading.get_ident()
            session.save(accessed_only=not rival_saves)
            saved.append(1)

        other["other"] = 1
        other.save()
        serializer.rival = rival
        serializer.victim = threading.get_ident()
        one["one"] = 1
        one.save()
        serializer.victim = None
        for thread in serializer.rivals:
            thread.join()
        assert len(saved) == len(serializer.rivals) > 0
        found = content(backend, data_serializer=serializer)
        assert (found["kept"], found["one"], found["other"]) == (0, 1, 1)
