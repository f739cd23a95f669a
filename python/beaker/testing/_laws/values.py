"""What a session has is what was saved: values of every kind, and Beaker's records."""

import base64
import pickle
import zlib
from typing import Any

import pytest

from beaker.session import Session, SessionObject
from beaker.testing._backend import Backend
from beaker.testing._clock import START, Clock
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, content, exists, opened, plant, stored, text


class Values(Laws):
    """What a session has is what was saved."""

    def test_data_comes_back_as_it_was_saved(self, backend: Backend, encoding: dict[str, Any]) -> None:
        values = {
            "text": "Ünïcödé \N{SNOWMAN} \x00 \ud83d\ude00".encode("utf-16", "surrogatepass").decode(
                "utf-16"
            ),
            "empty": "",
            "number": 2**80,
            "half": -0.5,
            "yes": True,
            "none": None,
            "list": [1, [2, [3]]],
            "dict": {"a": {"b": "c"}},
            "large": "x" * 200_000,
        }
        session = opened(backend, "chosen", **encoding)
        session.update(values)
        session.save()
        again = opened(backend, "chosen", **encoding)
        assert {key: again[key] for key in values} == values

    def test_a_session_is_new_until_it_is_saved(self, backend: Backend) -> None:
        for _ in range(2):
            session = opened(backend, ID)
            assert session.is_new
            assert session.last_accessed is None
        session.save()
        assert not opened(backend, ID).is_new

    @pytest.mark.parametrize("size", [0, 1, 3, 4096, 65_536, 300_000])
    def test_bytes_of_any_length_come_back(self, backend: Backend, size: int) -> None:
        stored(backend, data=bytes(number % 256 for number in range(size)))
        assert content(backend) == {"data": bytes(number % 256 for number in range(size))}

    def test_a_record_that_shrinks_has_nothing_of_the_longer_one(
        self, backend: Backend, encoding: dict[str, Any]
    ) -> None:
        session = opened(backend, ID, **encoding)
        for size in (100_000, 0, 5000, 1):
            session["data"] = "x" * size
            session.save()
            assert content(backend, **encoding) == {"data": "x" * size}

    def test_a_key_that_was_deleted_is_gone(self, backend: Backend, encoding: dict[str, Any]) -> None:
        session = opened(backend, ID, **encoding)
        session.update(one=1, two=2)
        session.save()
        again = opened(backend, ID, **encoding)
        del again["one"]
        again.save()
        assert content(backend, **encoding) == {"two": 2}

    def test_the_last_of_many_saves_is_what_is_stored(self, backend: Backend) -> None:
        for number in range(30):
            stored(backend, number=number)
            assert content(backend) == {"number": number}

    def test_many_sessions_keep_apart(self, backend: Backend) -> None:
        for number in range(50):
            session = opened(backend, f"session{number}")
            session["number"] = number
            session.save()
        assert [opened(backend, f"session{number}")["number"] for number in range(50)] == list(range(50))

    def test_a_record_of_beaker_is_a_session(self, backend: Backend, clock: Clock) -> None:
        times = {"_creation_time": START - 50, "_accessed_time": START - 20}
        data = pickle.dumps({"name": "Ada", **times}, 2)
        plant(opened(backend, ID).namespace, base64.b64encode(data).decode())
        session = opened(backend, ID)
        assert (session["name"], session.is_new) == ("Ada", False)
        assert (session.created, session.last_accessed) == (START - 50, START - 20)

    def test_a_record_is_what_beaker_reads(self, backend: Backend) -> None:
        for serializer in ("pickle", "json"):
            session = opened(backend, ID, data_serializer=serializer)
            session["name"] = "Ada"
            session.save()
            data = base64.b64decode(text(session.namespace), validate=True)
            if serializer == "pickle":
                assert pickle.loads(data)["name"] == "Ada"
            else:
                assert b'"name": "Ada"' in zlib.decompress(data).replace(b'"name":"', b'"name": "')
            session.delete()

    def test_a_namespace_without_a_record_has_no_key(self, backend: Backend) -> None:
        namespace = opened(backend, ID).namespace
        assert text(namespace) is None
        stored(backend, name="Ada")
        assert text(namespace) is not None
        opened(backend, ID).delete()
        assert text(namespace) is None

    def test_load_brings_what_others_stored(self, backend: Backend) -> None:
        mine = opened(backend, "chosen")
        mine.save()
        other = opened(backend, "chosen")
        other["name"] = "Ada"
        other.save()
        mine["unsaved"] = 1
        mine.load()
        assert mine["name"] == "Ada"
        assert "unsaved" not in mine

    def test_a_session_found_by_id_needs_to_be_saved(self, browser: Browsers) -> None:
        visitor = browser()
        visitor.put(cart=["apple"])
        browser().visit(lambda session: session.get_by_id(visitor.id)["cart"].append("pear"))
        assert visitor.read() == {"cart": ["apple"]}

    def test_get_by_id_finds_a_stored_session_and_nothing_else(
        self, browser: Browsers, backend: Backend
    ) -> None:
        other = browser()
        other.put(name="Ada")

        def work(session: Any) -> tuple[Any, Any]:
            return session.get_by_id(other.id), session.get_by_id(ID)

        found, missing = browser().visit(work).result
        assert isinstance(found, Session)
        assert found["name"] == "Ada"
        assert found.id == other.id
        assert missing is None
        assert not exists(backend, ID)

    def test_get_by_id_does_not_use_the_request_and_sends_no_cookie(self, browser: Browsers) -> None:
        other = browser()
        other.put(name="Ada")
        visit = browser().visit(lambda session: session.get_by_id(other.id)["name"])
        assert visit.result == "Ada"
        assert visit.cookies == []

    def test_save_on_the_proxy_marks_and_persist_writes(self, backend: Backend) -> None:
        proxy: Any = SessionObject({}, **backend.options)
        assert proxy.accessed() is False
        assert proxy.dirty() is False
        proxy["key"] = 1
        assert proxy.accessed() is True
        assert proxy.dirty() is False
        proxy.save()
        assert proxy.dirty() is True
        assert not exists(backend, proxy.id)
        proxy.persist()
        assert exists(backend, proxy.id)

    def test_persist_without_save_stores_no_new_session(self, backend: Backend) -> None:
        proxy: Any = SessionObject({}, **backend.options)
        proxy["key"] = 1
        proxy.persist()
        assert not exists(backend, proxy.id)

    def test_persist_with_auto_stores_everything(self, backend: Backend) -> None:
        proxy: Any = SessionObject({}, **backend.options, auto=True)
        proxy["key"] = 1
        proxy.persist()
        assert opened(backend, proxy.id)["key"] == 1

    def test_deleting_a_session_that_was_never_stored_stores_nothing(
        self, browser: Browsers, backend: Backend
    ) -> None:
        visit = browser().visit(lambda session: (session.id, session.delete()))
        assert not exists(backend, visit.result[0])

    def test_save_alone_saves_with_auto_too(self, browser: Browsers, backend: Backend) -> None:
        visit = browser(auto=True).visit(lambda session: session.save())
        assert exists(backend, visit.value)
