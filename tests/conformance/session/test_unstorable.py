"""A value that cannot be stored is named by its key and its type, and not by what it says."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException, UnstorableValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sessions import Browser

    Visitors = Callable[..., Browser]

SECRET = "4111111111111111"


class Own:
    """A class of the application's own, which says what it holds."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Own({SECRET})"


class Refusing(Own):
    """One that no serializer can hold."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickle of this")


OWN = f"{Refusing.__module__}.Refusing"
UNSTORABLE: dict[str, tuple[str, Callable[[], Any], type[Exception], str]] = {
    "a function": ("pickle", lambda: lambda: SECRET, Exception, "is of type function"),
    "a lock": ("pickle", threading.Lock, TypeError, "is of type _thread.lock"),
    "an object": ("pickle", Refusing, TypeError, f"is of type {OWN}"),
    "a lock in a list": (
        "pickle",
        lambda: [1, [threading.Lock()]],
        TypeError,
        "holds something of type _thread.lock",
    ),
    "a lock in an object": (
        "pickle",
        lambda: {"a": Own(threading.Lock())},
        TypeError,
        f"of type {Own.__module__}.Own",
    ),
    "a set": ("json", lambda: {SECRET}, TypeError, "is of type set"),
    "bytes in a dict": ("json", lambda: {"a": [SECRET.encode()]}, TypeError, "holds something of type bytes"),
    "a dict with a tuple for a key": ("json", lambda: {(1, SECRET): 1}, TypeError, "is of type dict"),
    "an object in JSON": (
        "json",
        lambda: [Own()],
        TypeError,
        f"holds something of type {Own.__module__}.Own",
    ),
}


@pytest.mark.parametrize("case", UNSTORABLE)
def test_a_value_that_cannot_be_stored_is_named_by_key_and_type(visitors: Visitors, case: str) -> None:
    serializer, make, kind, told = UNSTORABLE[case]
    visitor = visitors(data_serializer=serializer)
    visitor.put(name="Ada")
    with pytest.raises(kind) as caught:
        visitor.put(fine=1, cart=make(), more=2)
    assert isinstance(caught.value, UnstorableValueError)
    assert isinstance(caught.value, BeakerException)
    assert caught.value.key == "cart"
    assert "'cart'" in str(caught.value)
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert isinstance(caught.value.__cause__, kind)
    assert visitor._visit.status == ""
    assert visitor.read() == {"name": "Ada"}
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def test_a_value_that_holds_itself_is_named(visitors: Visitors) -> None:
    loop: list[Any] = [1]
    loop.append({"loop": loop})
    with pytest.raises(ValueError, match=r"the value of 'loop' .* of type (list|dict), which JSON"):
        visitors(data_serializer="json").put(loop=loop)


def test_a_key_that_cannot_be_stored_is_named_by_its_type(visitors: Visitors) -> None:
    def work(session: Any) -> None:
        session[1, SECRET] = "value"
        session.save()

    with pytest.raises(TypeError, match="one of its keys is of type tuple, which JSON") as caught:
        visitors(data_serializer="json").visit(work)
    assert SECRET not in str(caught.value)


def test_a_value_that_became_unstorable_in_place_is_named(visitors: Visitors) -> None:
    visitor = visitors()
    visitor.put(cart=["apple"])
    with pytest.raises(TypeError, match=r"the value of 'cart' holds something of type _thread.lock"):
        visitor.visit(lambda session: session["cart"].append(threading.Lock()))


class TroubleError(Exception):
    """An exception of an application's own."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


class Particular:
    """A serializer of an application's own, which refuses numbers."""

    error: Exception = TypeError("no numbers")

    def loads(self, data: bytes) -> Any:
        return json.loads(data)

    def dumps(self, data: dict[str, Any]) -> bytes:
        if any(value == SECRET for value in data.values()):
            raise self.error
        return json.dumps(data).encode()


def test_a_serializer_of_the_applications_own_is_helped_too(visitors: Visitors) -> None:
    with pytest.raises(TypeError, match="the value of 'number' is of type str, which its serializer cannot"):
        visitors(data_serializer=Particular()).put(number=SECRET)


def test_an_exception_of_the_applications_own_is_raised_as_it_is(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = TroubleError(1, 2)
    monkeypatch.setattr(Particular, "error", error)
    with pytest.raises(TroubleError) as caught:
        visitors(data_serializer=Particular()).put(number=SECRET)
    assert caught.value is error


def test_a_function_is_refused_by_the_class_that_pickle_refuses_it_by(visitors: Visitors) -> None:
    """The class depends on the version of Python."""
    with pytest.raises((pickle.PicklingError, AttributeError), match="of type function"):
        visitors().put(callback=lambda: SECRET)


def nested(times: int) -> Any:
    value: Any = []
    for _ in range(times):
        value = [value]
    return value


def doubled(times: int) -> Any:
    value: Any = []
    for _ in range(times):
        value = [value, value]
    return value


@pytest.fixture
def deep() -> Iterator[None]:
    """A program that lets Python recurse deeper than it does by itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("policy", "many"),
    [({"data_serializer": "json"}, nested(1500)), ({"pickle": "allowlist"}, doubled(25))],
    ids=["json", "pickle"],
)
def test_a_value_that_could_not_be_read_is_not_stored(
    visitors: Visitors, deep: None, policy: dict[str, Any], many: Any
) -> None:
    visitor = visitors(**policy)
    visitor.put(name="Ada")
    with pytest.raises(UnstorableValueError, match="would not be read again"):
        visitor.put(many=many)
    assert visitor.read() == {"name": "Ada"}
