"""A cookie that a browser would drop is refused, and says how large it would have been."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from tests.support.fixtures import COOKIES
from tests.support.sessions import KEY, Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    Cookies = Callable[..., Browser]

# RFC 6265bis, section 5.6: a browser ignores a cookie whose name and value have more bytes together.
LIMIT = 4096


def noise(characters: int) -> str:
    """Text that no compression makes shorter by much: the digits of a sequence that does not repeat."""
    number = 1
    digits: list[str] = []
    while len(digits) < characters:
        number = number * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        digits.append(chr(33 + (number >> 33) % 90))
    return "".join(digits)


def saved(visitor: Browser, text: str) -> int:
    """The bytes of the name and the value that a session with the text has, or that it is refused for."""

    def work(session: Any) -> None:
        session["text"] = text
        session._session().save()

    refusal = ""
    try:
        visit = visitor.visit(work)
    except BeakerException as error:
        refusal = str(error)
    if not refusal:
        return len(visit.cookie.strip().partition(";")[0]) - len("=")
    sizes = [int(number) for number in re.findall(r"\d+", refusal)]
    assert LIMIT in sizes
    return max(sizes)


@pytest.mark.parametrize("name", [KEY, "s", "n" * 200])
@pytest.mark.slow
def test_a_cookie_is_kept_up_to_the_limit_and_refused_beyond_it(cookies: Cookies, name: str) -> None:
    visitor = cookies(key=name)
    sizes = []
    text = noise(3900)
    for characters in range(2500, len(text), 3):
        size = saved(visitor, text[:characters])
        kept = visitor.jar is not None and len(visitor.jar) - len("=") == size
        assert kept == (size <= LIMIT)
        sizes.append(size)
        visitor.jar = None
    assert min(sizes) <= LIMIT < max(sizes)
    # The steps are those of base64, so the limit itself is nearly met.
    assert max(size for size in sizes if size <= LIMIT) > LIMIT - 12


def test_a_too_large_cookie_is_refused_at_the_end_of_the_request_too(cookies: Cookies) -> None:
    with pytest.raises(BeakerException, match=str(LIMIT)):
        cookies().put(text=noise(5000))


def test_a_refusal_leaves_the_session_that_was_kept(cookies: Cookies) -> None:
    visitor = cookies()
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        session["text"] = noise(5000)
        with pytest.raises(BeakerException):
            session._session().save()

    visitor.visit(work)
    assert visitor.read() == {"name": "Ada"}


def test_a_sealed_cookie_holds_more_where_its_text_repeats() -> None:
    text = "to be or not to be, that is the question; " * 150
    visitor = Browser(COOKIES["sealed cookie"])
    assert saved(visitor, text) < 1000
    assert visitor.read() == {"text": text}
    assert saved(Browser(COOKIES["cookie"]), text) > LIMIT


def test_unbounded_data_is_refused_when_it_is_written() -> None:
    with pytest.raises(BeakerException, match=r"\d"):
        Browser(COOKIES["sealed cookie"]).put(text="a" * (1 << 20))


def test_a_cookie_session_in_json_is_measured_as_it_is_sent(cookies: Cookies) -> None:
    visitor = cookies(data_serializer="json")
    visitor.put(text="a" * 20_000)
    assert visitor.read() == {"text": "a" * 20_000}
    with pytest.raises(BeakerException, match=str(LIMIT)):
        visitor.put(text=noise(5000))
