"""Cookies in a request: what is read, whatever stands beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beaker.container import MemoryNamespaceManager
from beaker.middleware import SessionMiddleware
from beaker.session import SignedCookie
from tests.conformance.cookies import random_headers
from tests.support.sessions import KEY, Browser, name, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Browsers = Callable[..., Browser]

SECRET = "a secret of some length"

NEIGHBOURS = [
    "theme=dark",
    "no equals sign",
    "=value without a name",
    "name with space=1",
    "a[b]=c",
    "{json}=1",
    'quote="',
    'quote="open',
    "quote='",
    "Path=/evil",
    "Domain=evil.example",
    "expires=Thu, 01-Jan-1970 00:00:00 GMT",
    "$Version=1",
    "$Path=/evil",
    "Secure",
    "HttpOnly",
    "é=ü",
    "日本=語",
    "a=\x00",
    "a=\r\nX-Evil: 1",
    "\x7f=1",
    "a=" + "x" * 10_000,
    ",",
    ";;;",
    "",
    " ",
    "\\",
    'a="\\"',
    "beaker.session.id",
    "beaker.session.ID=1",
    "xbeaker.session.id=1",
    "beaker.session.id.x=1",
]


@pytest.fixture(params=["signed", "unsigned"])
def visitor(request: pytest.FixtureRequest, memory: Backend) -> Browser:
    """A browser with a stored session, under a signed cookie and under one that is not."""
    made = Browser(memory.options, {"secret": SECRET} if request.param == "signed" else {})
    made.put(name="Ada")
    return made


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("separator", [";", "; ", " ;\t"])
def test_a_cookie_is_found_beside_any_other(visitor: Browser, neighbour: str, separator: str) -> None:
    own = visitor.jar
    assert own is not None
    for parts in ([neighbour, own], [own, neighbour], [neighbour, own, neighbour]):
        visit = visitor.visit(name, cookie=separator.join(parts))
        assert visit.result == "Ada"
        assert visit.cookies == []


@pytest.mark.parametrize(
    "form", ["{k}={v}", " {k} = {v} ", '{k}="{v}"', '{k} ="{v}" ', "\t{k}={v}\t", '{k}=""{v}""']
)
def test_white_space_and_quotes_around_a_cookie_are_no_part_of_it(visitor: Browser, form: str) -> None:
    assert visitor.jar is not None
    key, _, value = visitor.jar.partition("=")
    assert visitor.visit(name, cookie=form.format(k=key, v=value)).result == "Ada"


@pytest.mark.parametrize("header", ["", ";", "=", KEY, f"{KEY}=", f'{KEY}=""', f"{KEY}=;", "\0"])
def test_a_header_without_our_cookie_is_a_new_session(visitor: Browser, header: str) -> None:
    visit = visitor.visit(lambda session: (session.is_new, session.get("name")), cookie=header)
    assert visit.result == (True, None)
    assert visit.cookies == []


def test_no_header_is_a_new_session(memory: Backend) -> None:
    assert Browser(memory.options).visit(lambda session: session.is_new).result is True


def test_of_several_signed_cookies_the_last_that_verifies_counts(memory: Backend) -> None:
    options = {**memory.options, "secret": SECRET}
    first, second = Browser(options), Browser(options)
    first.put(name="first")
    second.put(name="second")
    assert first.jar is not None
    assert second.jar is not None
    forged = f"{KEY}={'0' * 40}{first.id}"
    cut = f"{KEY}={first.id}"
    for order, found in (
        ([first.jar, second.jar], "second"),
        ([second.jar, first.jar], "first"),
        ([first.jar, forged], "first"),
        ([forged, first.jar], "first"),
        ([second.jar, first.jar, cut, forged, f"{KEY}="], "first"),
        ([forged, cut], None),
    ):
        assert first.visit(name, cookie="; ".join(order)).result == found


def test_of_several_unsigned_cookies_the_last_counts(memory: Backend) -> None:
    first, second = Browser(memory.options), Browser(memory.options)
    first.put(name="first")
    second.put(name="second")
    assert first.visit(name, cookie=f"{first.jar}; {second.jar}").result == "second"
    assert first.visit(name, cookie=f"{second.jar}; {first.jar}; {KEY}=").result == "first"


@pytest.mark.parametrize("spoil", ["flip", "cut", "upper", "none", "other"])
def test_a_bad_signature_is_a_new_session_without_a_word(memory: Backend, spoil: str) -> None:
    visitor = Browser(memory.options, {"secret": SECRET})
    visitor.put(name="Ada")
    assert visitor.jar is not None
    value = visitor.jar.partition("=")[2]
    spoilt = {
        "flip": ("0" if value[0] != "0" else "1") + value[1:],
        "cut": value[1:],
        "upper": value[:40].upper() + value[40:],
        "none": value[40:],
        "other": Browser(memory.options, {"secret": "another"}).put(name="Eve").value[:40] + value[40:],
    }[spoil]
    if spoilt == value:
        pytest.skip("the signature has no letters")
    visit = visitor.visit(name, cookie=f"{KEY}={spoilt}")
    assert visit.result is None
    assert visit.cookies == []


def test_the_signature_is_hmac_sha1_of_the_id_under_the_secret(memory: Backend) -> None:
    import hashlib
    import hmac

    visit = Browser(memory.options, {"secret": "sécret"}).put(name="Ada")
    digest = hmac.new("sécret".encode(), visit.session.id.encode(), hashlib.sha1).hexdigest()
    assert visit.value == digest + visit.session.id
    assert SignedCookie("sécret", f"{KEY}={visit.value}")[KEY].value == visit.session.id


def test_no_word_of_the_request_reaches_the_response(memory: Backend) -> None:
    visitor = Browser(memory.options)
    header = "; ".join([*NEIGHBOURS, f"{KEY}=evil", "Max-Age=1", "evil=1"])

    def work(session: Any) -> None:
        session["name"] = "Ada"
        session.save()

    visit = visitor.visit(work, cookie=header)
    assert visit.cookie == f" {KEY}={visit.session.id}; Path=/; SameSite=Lax"


def test_no_word_of_the_request_reaches_a_morsel_either(memory: Backend) -> None:
    visitor = Browser(memory.options)
    header = f"{KEY}=evil; Path=/evil; Domain=evil.example; Max-Age=1; Secure; {KEY}=evil2"

    def work(session: Any) -> None:
        assert session.cookie[session.key]["path"] == "/"
        session._update_cookie_out()
        session.save()

    visit = visitor.visit(work, cookie=header)
    assert visit.cookie == f" {KEY}={visit.session.id}; Path=/; SameSite=Lax"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", [f"{KEY}=x;", "a=b; ", ";", "=", '"', "\\", f"{KEY}={'0' * 72}; ", '"\\"', "é", "a=\x00;"]
)
@pytest.mark.slow
def test_a_header_of_megabytes_is_answered(visitor: Browser, unit: str) -> None:
    # Work that grows with the square of the length would take hours.
    assert visitor.visit(name, cookie=unit * (2_000_000 // len(unit))).result is None


TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
HEADERS = st.one_of(
    TEXT,
    st.lists(st.one_of(TEXT, st.sampled_from(random_headers.PIECES)), max_size=8).map("; ".join),
    st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")),
)


def responses(options: dict[str, Any], header: str) -> list[tuple[str, str]]:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["beaker.session"]["name"] = "Ada"
        environ["beaker.session"].save()
        start_response("200 OK", [])
        return [b""]

    sent: list[Any] = []
    SessionMiddleware(application, type="memory", **options)(
        {"HTTP_COOKIE": header}, lambda *arguments: sent.append(arguments)
    )
    headers: list[tuple[str, str]] = sent[0][1]
    return headers


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=HEADERS, secret=st.sampled_from([None, SECRET]))
@pytest.mark.slow
def test_any_header_gives_a_response_and_a_cookie_of_ours_alone(
    empty_memory: None, header: str, secret: str | None
) -> None:
    (_, (sent, cookie)) = responses({"secret": secret} if secret else {}, header)
    assert sent == "Set-cookie"
    value, _, attributes = cookie.removeprefix(f" {KEY}=").partition("; ")
    assert attributes == "Path=/; SameSite=Lax"
    assert len(value) == (72 if secret else 32)
    assert set(value) <= set("0123456789abcdef")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=HEADERS, after=HEADERS, secret=st.sampled_from([None, SECRET]))
def test_a_signed_cookie_is_found_in_any_header(
    empty_memory: None, before: str, after: str, secret: str | None
) -> None:
    visitor = Browser({"type": "memory"}, {"secret": secret} if secret else {})
    visitor.put(name="Ada")
    if secret is None and KEY in after:
        return
    assert visitor.visit(name, cookie=f"{before};{visitor.jar};{after}").result == "Ada"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "key": st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True).filter(
            lambda key: not key.lower().startswith(("__host-", "__secure-"))
        ),
        "cookie_domain": st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9}){0,2}", fullmatch=True),
        "cookie_path": st.from_regex(r"/[!-:<-~]{0,20}", fullmatch=True),
        "secure": st.booleans(),
        "httponly": st.booleans(),
        "samesite": st.sampled_from(["Lax", "Strict", "lax", "STRICT"]),
        "secret": st.text(min_size=1, max_size=20).filter(lambda secret: secret.strip()),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=OPTIONS)
@pytest.mark.slow
def test_a_cookie_that_was_sent_comes_back(empty_memory: None, options: dict[str, Any]) -> None:
    options = {
        key: value
        for key, value in options.items()
        if key != "secret" or value.isascii() or value.isprintable()
    }
    visitor = Browser({"type": "memory"}, options)
    cookie = visitor.put(name="Ada").cookie
    assert visitor.read() == {"name": "Ada"}
    expected = [f"{options.get('key', KEY)}={cookie.partition('=')[2].partition(';')[0]}"]
    if "cookie_domain" in options:
        expected.append(f"Domain={options['cookie_domain']}")
    if options.get("httponly"):
        expected.append("HttpOnly")
    expected.append(f"Path={options.get('cookie_path', '/')}")
    expected.append(f"SameSite={options.get('samesite', 'Lax')}")
    if options.get("secure"):
        expected.append("Secure")
    assert cookie == " " + "; ".join(expected)


@pytest.mark.slow
def test_a_campaign_of_random_headers_raises_nothing(empty_memory: None) -> None:
    assert random_headers.run(int(os.environ.get("BEAKER_COOKIE_HEADERS", "20000"))) > 0


def test_ids_that_a_program_chose_travel_in_cookies(memory: Backend) -> None:
    for session_id in ("e2c1.progress.upload-1", "a,b c:/[x]{y}", "a+b/c=="):
        stored = opened(memory, session_id)
        stored["name"] = session_id
        stored.save()
        assert Browser(memory.options).visit(name, cookie=f"{KEY}={session_id}").result == session_id


def test_the_store_is_empty_when_no_cookie_was_known(empty_memory: None) -> None:
    middleware = SessionMiddleware(
        lambda environ, start: start("200 OK", []) or [str("x" in environ["beaker.session"]).encode()],
        type="memory",
    )
    for piece in random_headers.PIECES:
        middleware({"HTTP_COOKIE": piece}, lambda *_arguments: None)
    assert len(MemoryNamespaceManager.namespaces.dict) == 0
