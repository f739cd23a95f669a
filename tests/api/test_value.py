"""Values that are made when they are needed."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from beaker.container import (
    AbstractDictionaryNSManager,
    Container,
    DBMContainer,
    FileContainer,
    MemoryContainer,
    MemoryNamespaceManager,
    Value,
)
from tests.api.namespaces import Make, put
from tests.support.threads import in_thread


def test_a_value_is_made_once_and_again_when_it_is_too_old(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    made: list[int] = []

    def create() -> int:
        made.append(len(made))
        return made[-1]

    value = Value("k", make("n"), createfunc=create, expiretime=10)
    assert value.can_have_value()
    assert not value.has_value()
    assert [value.get_value(), value.get_value()] == [0, 0]
    assert value.has_current_value()
    now[0] += 10
    assert value.has_value()
    assert not value.has_current_value()
    assert value.get_value() == 1
    value.clear_value()
    value.clear_value()
    assert not value.has_value()
    assert not Value("k", make("n")).can_have_value()
    with pytest.raises(KeyError):
        Value("k", make("n")).get_value()


def test_a_value_that_is_cleared_was_never_stored(make: Make) -> None:
    value = Value("k", make("n"))
    assert value.storedtime == -1
    value.storedtime = 5.0
    value.clear_value()
    assert value.storedtime == -1


def test_a_value_from_before_the_start_is_stale(make: Make) -> None:
    Value("k", make("n")).set_value("old", storedtime=5.0)
    assert Value("k", make("n"), starttime=5.0).get_value() == "old"
    assert Value("k", make("n"), starttime=6.0, createfunc=lambda: "new").get_value() == "new"


def test_a_value_without_an_expiry_of_its_own_takes_the_readers(make: Make) -> None:
    put(make("n"), k=(time.time() - 5, "old"))
    assert Value("k", make("n")).get_value() == "old"
    assert Value("k", make("n"), expiretime=60).get_value() == "old"
    with pytest.raises(KeyError):
        Value("k", make("n"), expiretime=1).get_value()


def test_while_one_makes_a_value_the_others_get_the_old_one(make: Make) -> None:
    Value("k", make("n")).set_value("old", storedtime=1.0)
    started, go_on = threading.Event(), threading.Event()

    def create() -> str:
        started.set()
        assert go_on.wait(10)
        return "new"

    got: list[str] = []
    thread = threading.Thread(
        target=lambda: got.append(Value("k", make("n"), createfunc=create, starttime=2.0).get_value())
    )
    thread.start()
    assert started.wait(10)
    assert Value("k", make("n"), createfunc=lambda: "never", starttime=2.0).get_value() == "old"
    go_on.set()
    thread.join(10)
    assert got == ["new"]
    assert Value("k", make("n")).get_value() == "new"


@pytest.mark.parametrize("reply", [KeyError("k"), None])
def test_a_value_that_is_removed_while_it_is_read_is_absent(reply: KeyError | None) -> None:
    class Vanishing(AbstractDictionaryNSManager):
        def __init__(self) -> None:
            super().__init__("n")
            self.dictionary = {}

        def __contains__(self, key: object) -> bool:
            return True

        def __getitem__(self, key: str) -> Any:
            if reply is not None:
                raise reply
            return reply

    namespace = Vanishing()
    assert not Value("k", namespace).has_current_value()
    with pytest.raises(KeyError):
        Value("k", namespace).get_value()
    assert Value("k", namespace, createfunc=lambda: "made").get_value() == "made"


def test_the_lock_for_making_a_value_is_reentrant_and_shared_by_its_key(make: Make) -> None:
    lock, again, other = (make("n").get_creation_lock(key) for key in ("k", "k", "l"))

    def is_free(lock: Any) -> bool:
        if not lock.acquire(wait=False):
            return False
        lock.release()
        return True

    assert lock.acquire()
    assert lock.acquire(wait=False)
    for _ in range(2):
        assert not in_thread(lambda: is_free(again))
        assert in_thread(lambda: is_free(other))
        lock.release()
    assert in_thread(lambda: is_free(again))


def test_a_failure_to_make_a_value_frees_the_others(make: Make) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            Value("k", make("n"), createfunc=fail).get_value()


def test_containers_make_values_that_share_their_namespaces(tmp_path: Path, memory: Any) -> None:
    kinds: list[Any] = [FileContainer, DBMContainer, MemoryContainer]
    for kind in kinds:
        context: dict[str, Any] = {}
        value = kind("k", context, "n", createfunc=lambda: "made", data_dir=str(tmp_path))
        assert isinstance(value, Value)
        assert value.get_value() == "made"
        assert kind("k", context, "n").namespace is value.namespace
        assert list(context) == ["n"]


def test_a_container_without_a_backend_of_its_own_has_its_parents() -> None:
    class Mine(Container):
        namespace_class = MemoryNamespaceManager

    class Mixin:
        pass

    class Derived(Mine, Mixin):
        pass

    derived: Any = Derived
    assert isinstance(derived("k", {}, "n").namespace, MemoryNamespaceManager)
