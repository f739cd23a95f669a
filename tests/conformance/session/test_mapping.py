"""The session as a mapping: the proxy that an application is given, and the `Session` itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import Session, SessionObject
from tests.support.sessions import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

KEPT = {"_accessed_time", "_creation_time", "_domain", "_path"}


@pytest.fixture(params=["proxy", "session"])
def session(request: pytest.FixtureRequest, backend: Backend) -> Any:
    """A session with two keys, as a proxy and as itself."""
    made: Any = (
        SessionObject({}, **backend.options) if request.param == "proxy" else opened(backend, "chosen")
    )
    made["one"] = 1
    made["two"] = [2]
    return made


def own(mapping: Any) -> dict[str, Any]:
    return {key: mapping[key] for key in mapping if key not in KEPT}


def test_a_session_is_a_dict_and_a_proxy_is_a_mutable_mapping(backend: Backend) -> None:
    assert issubclass(Session, dict)
    proxy: Any = SessionObject({}, **backend.options)
    assert isinstance(proxy, MutableMapping)
    assert isinstance(proxy, Mapping)
    assert issubclass(SessionObject, MutableMapping)


def test_values_are_set_read_and_removed_by_key(session: Any) -> None:
    assert session["one"] == 1
    session["one"] = "uno"
    assert session["one"] == "uno"
    del session["one"]
    assert "one" not in session
    with pytest.raises(KeyError, match="one"):
        session["one"]
    with pytest.raises(KeyError, match="one"):
        del session["one"]


def test_membership_is_asked_in_either_way(session: Any) -> None:
    assert "one" in session
    assert "three" not in session
    assert session.has_key("one")
    assert not session.has_key("three")
    assert "_creation_time" in session


def test_get_gives_the_default_for_a_missing_key_and_stores_nothing(session: Any) -> None:
    assert session.get("one") == 1
    assert session.get("three") is None
    assert session.get("three", 3) == 3
    assert "three" not in session


def test_setdefault_stores_what_is_missing_and_leaves_what_is_there(session: Any) -> None:
    assert session.setdefault("one", 5) == 1
    assert session.setdefault("three", 3) == 3
    assert session.setdefault("four") is None
    assert own(session) == {"one": 1, "two": [2], "three": 3, "four": None}


def test_pop_takes_a_value_out_or_gives_the_default(session: Any) -> None:
    assert session.pop("one") == 1
    assert session.pop("one", "gone") == "gone"
    assert session.pop("one", None) is None
    with pytest.raises(KeyError, match="one"):
        session.pop("one")
    with pytest.raises(TypeError):
        session.pop("one", 1, 2)


def test_popitem_takes_the_last_key_out(session: Any) -> None:
    session["last"] = "value"
    assert session.popitem() == ("last", "value")
    assert "last" not in session


def test_update_takes_a_mapping_pairs_names_and_another_session(session: Any, backend: Backend) -> None:
    session.update({"a": 1}, b=2)
    session.update([("c", 3)])
    other: Any = SessionObject({}, **backend.options)
    other["d"] = 4
    session.update(other)
    session.update()
    assert own(session) == {"one": 1, "two": [2], "a": 1, "b": 2, "c": 3, "d": 4}


def test_clear_keeps_domain_and_path_and_drops_everything_else(session: Any) -> None:
    session.clear()
    assert dict(session.items()) == {"_domain": None, "_path": "/"}


def test_iteration_follows_the_order_of_insertion_both_ways(session: Any) -> None:
    keys = list(session)
    assert keys[-2:] == ["one", "two"]
    assert set(keys[:-2]) == KEPT
    assert list(reversed(session)) == keys[::-1]
    assert list(session.keys()) == keys
    assert list(session.items()) == [(key, session[key]) for key in keys]
    assert list(session.values()) == [session[key] for key in keys]


def test_the_length_counts_every_key(session: Any) -> None:
    assert len(session) == len(list(session)) == len(KEPT) + 2


def test_an_empty_session_is_true(session: Any) -> None:
    assert session
    session.clear()
    assert session


def test_a_session_equals_a_dict_of_the_same_content(session: Any) -> None:
    same = dict(session.items())
    assert session == same
    assert same == session
    assert session == session  # noqa: PLR0124
    assert session != {**same, "one": 2}
    assert session != 1


def test_two_proxies_are_compared_by_their_content(backend: Backend) -> None:
    one: Any = SessionObject({}, **backend.options)
    two: Any = SessionObject({}, **backend.options)
    one.update(two)
    assert one == two
    one["more"] = 1
    assert one != two


def test_unions_are_plain_dictionaries(session: Any) -> None:
    content = dict(session.items())
    assert session | {"one": 2, "new": 3} == {**content, "one": 2, "new": 3}
    assert {"one": 2, "new": 3} | session == {"new": 3, **content}
    assert type(session | {}) is dict
    assert type({} | session) is dict
    assert session["one"] == 1


def test_a_union_in_place_changes_the_session(session: Any) -> None:
    before = session
    session |= {"new": 3}
    assert session is before
    assert session["new"] == 3


def test_a_copy_is_a_shallow_dictionary(session: Any) -> None:
    for copied in (session.copy(), copy.copy(session)):
        assert copied == session
        assert copied["two"] is session["two"]
        copied["one"] = 2
        assert session["one"] == 1
    assert type(session.copy()) is dict


def test_a_deep_copy_shares_nothing(session: Any) -> None:
    copied = copy.deepcopy(session)
    assert copied == session
    copied["two"].append(3)
    assert session["two"] == [2]


def test_a_session_goes_into_dictionaries_and_calls(session: Any) -> None:
    content = dict(session.items())
    assert dict(session) == content
    assert {**session} == content
    assert dict(**session) == content


def test_a_match_statement_takes_a_session_for_a_mapping(session: Any) -> None:
    match session:
        case {"one": value}:
            assert value == 1
        case _:
            pytest.fail("no mapping")


def test_the_representation_shows_the_content_as_a_dictionary_does(session: Any) -> None:
    assert repr(session) == repr(dict(session.items()))


def test_the_representation_of_a_new_session_is_that_of_its_own_keys(backend: Backend, clock: Any) -> None:
    for new in (SessionObject({}, **backend.options), Session({}, **backend.options)):
        assert repr(new) == (
            f"{{'_domain': None, '_path': '/', '_accessed_time': {clock.now}, '_creation_time': {clock.now}}}"
        )


def test_a_proxy_is_hashable_by_what_it_is(backend: Backend) -> None:
    one: Any = SessionObject({}, **backend.options)
    two: Any = SessionObject({}, **backend.options)
    assert {one: 1, two: 2}[one] == 1
    assert hash(one) == hash(one)


def test_an_unhashable_key_is_a_type_error(session: Any) -> None:
    with pytest.raises(TypeError):
        session[[]] = 1
    with pytest.raises(TypeError):
        session.get([])


class Restless:
    """A key that adds another one to its session whenever it is hashed, once it was told to."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.awake = False

    def __hash__(self) -> int:
        if self.awake:
            self.session[f"added {len(self.session)}"] = True
        return 7

    def __eq__(self, other: object) -> bool:
        return self is other

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return str, ("restless",)


@pytest.mark.parametrize("use", [lambda session: session.save(), lambda session: session.copy()])
def test_a_key_whose_hash_changes_the_session_breaks_nothing(
    backend: Backend, use: Callable[[Any], object]
) -> None:
    session = opened(backend, "restless")
    key = Restless(session)
    session[key] = 1
    session["last"] = 2
    key.awake = True
    use(session)
    key.awake = False
    assert session["last"] == 2
