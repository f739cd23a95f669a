"""Records that cannot be decoded: they are no session, no absence and no failure of the store."""

import base64
import json
import pickle
import zlib
from typing import Any, Final

import pytest

from beaker.exceptions import BeakerException, BeakerWarning, CorruptSessionError
from beaker.session import Session
from beaker.testing._backend import Backend
from beaker.testing._browser import Browser
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, KEY, exists, opened, plant, text

COOKIE: Final = f"{KEY}={ID}"


def encoded(data: bytes) -> str:
    """The text of a record with these bytes."""
    return base64.b64encode(data).decode()


GARBAGE: Final = {
    "no base64": "!!! no base64 !!!",
    "no pickle": encoded(b"no pickle at all"),
    "a cut pickle": encoded(pickle.dumps({"name": "Ada"}, 2)[:-4]),
    "a pickle of no dictionary": encoded(pickle.dumps([1, 2], 2)),
    "a pickle of a missing class": encoded(b"cno_such_module\nThing\n)R."),
    "an access time that is no number": encoded(pickle.dumps({"_accessed_time": "then"}, 2)),
}


class Stumbling(Session):
    """A session of an application that looks something up when it is loaded."""

    def load(self) -> None:
        """Fails."""
        super().load()
        raise ConnectionRefusedError("the directory of users does not answer")


class Misreading(Session):
    """A session of an application that has a format of its own."""

    def _decrypt_data(self, session_data: str | bytes) -> Any:
        raise LookupError("no such format")


class Corruption(Laws):
    """Records that cannot be decoded."""

    @pytest.mark.parametrize("garbage", GARBAGE)
    def test_an_undecodable_record_is_corrupt(self, backend: Backend, garbage: str) -> None:
        namespace = opened(backend, ID).namespace
        plant(namespace, GARBAGE[garbage])
        with pytest.raises(CorruptSessionError) as caught:
            opened(backend, ID)
        assert isinstance(caught.value, BeakerException)
        assert text(namespace) == GARBAGE[garbage]

    @pytest.mark.parametrize("garbage", GARBAGE)
    def test_invalidate_corrupt_replaces_a_corrupt_session_with_a_warning(
        self, browser: Browsers, backend: Backend, garbage: str
    ) -> None:
        plant(opened(backend, ID).namespace, GARBAGE[garbage])
        visitor = browser()

        def work(session: Any) -> tuple[str, bool]:
            session["name"] = "Ada"
            session.save()
            return session.id, session.is_new

        with pytest.warns(BeakerWarning, match="cannot be decoded") as caught:
            visit = visitor.visit(work, cookie=COOKIE)
        assert len(caught) == 1
        assert ID not in str(caught[0].message)
        assert visit.result == (visit.value, True)
        assert visit.value != ID
        assert visitor.read() == {"name": "Ada"}

    @pytest.mark.parametrize("off", [False, "false", "0"])
    def test_a_corrupt_session_is_an_exception_where_that_is_asked_for(
        self, browser: Browsers, backend: Backend, off: Any
    ) -> None:
        namespace = opened(backend, ID).namespace
        plant(namespace, GARBAGE["no pickle"])
        with pytest.raises(CorruptSessionError):
            browser(invalidate_corrupt=off).visit(lambda session: session.id, cookie=COOKIE)
        assert text(namespace) == GARBAGE["no pickle"]

    def test_the_constructor_raises_by_default(self, backend: Backend) -> None:
        plant(opened(backend, ID).namespace, GARBAGE["no pickle"])
        with pytest.raises(CorruptSessionError):
            Session({}, id=ID, **backend.options)
        with pytest.warns(BeakerWarning, match="cannot be decoded"):
            assert Session({}, id=ID, invalidate_corrupt=True, **backend.options).is_new

    def test_the_wrong_key_makes_a_session_corrupt(self, backend: Backend) -> None:
        right = {"encrypt_key": "the right key" * 3, "validate_key": "v" * 32}
        session = opened(backend, ID, **right)
        session["name"] = "Ada"
        session.save()
        for wrong in ({**right, "encrypt_key": "a wrong key" * 3}, {**right, "validate_key": "w" * 32}, {}):
            with pytest.raises(CorruptSessionError):
                opened(backend, ID, **wrong)
        assert opened(backend, ID, **right)["name"] == "Ada"

    def test_a_changed_ciphertext_is_corrupt(self, backend: Backend) -> None:
        keys = {"encrypt_key": "the right key" * 3, "validate_key": "v" * 32, "data_serializer": "json"}
        session = opened(backend, ID, **keys)
        session["name"] = "Ada"
        session.save()
        stored = text(session.namespace)
        for at in (0, 23, 24, 40, len(stored) // 2, len(stored) - 5):
            other = "A" if stored[at] != "A" else "B"
            plant(session.namespace, stored[:at] + other + stored[at + 1 :])
            with pytest.raises(CorruptSessionError):
                opened(backend, ID, **keys)

    def test_another_serializer_makes_a_session_corrupt(self, backend: Backend) -> None:
        session = opened(backend, ID, data_serializer="pickle")
        session.save()
        with pytest.raises(CorruptSessionError):
            opened(backend, ID, data_serializer="json")
        assert not opened(backend, ID, data_serializer="pickle").is_new

    def test_an_empty_dictionary_is_a_new_session(self, backend: Backend) -> None:
        plant(opened(backend, ID).namespace, encoded(pickle.dumps({}, 2)))
        assert opened(backend, ID).is_new

    def test_none_is_a_new_session(self, backend: Backend) -> None:
        plant(opened(backend, ID).namespace, encoded(zlib.compress(json.dumps(None).encode())))
        assert opened(backend, ID, data_serializer="json").is_new

    def test_a_serializer_that_raises_says_corrupt_and_keeps_its_cause(self, backend: Backend) -> None:
        class Own:
            def loads(self, _data: bytes) -> Any:
                raise ZeroDivisionError("own")

            def dumps(self, _data: Any) -> bytes:
                return b"data"

        session = opened(backend, ID, data_serializer=Own())
        session.save()
        with pytest.raises(CorruptSessionError) as caught:
            opened(backend, ID, data_serializer=Own())
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def test_an_exception_of_an_overridden_load_is_no_logout(self, backend: Backend) -> None:
        opened(backend, ID).save()
        with pytest.raises(ConnectionRefusedError):
            Browser({**backend.options, "session_class": Stumbling}).visit(
                lambda session: session.id, cookie=COOKIE
            )
        assert exists(backend, ID)

    def test_an_exception_in_an_overridden_decoder_means_corrupt(self, backend: Backend) -> None:
        opened(backend, ID).save()
        options = {**backend.options, "session_class": Misreading}
        with pytest.warns(BeakerWarning, match="cannot be decoded"):
            Browser(options).visit(lambda session: session.id, cookie=COOKIE)
        with pytest.raises(CorruptSessionError, match="no such format"):
            Browser({**options, "invalidate_corrupt": False}).visit(lambda session: session.id, cookie=COOKIE)
