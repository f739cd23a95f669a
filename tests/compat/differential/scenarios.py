"""Random scenarios: options, and requests of several browsers with what the application does in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.compat.differential.operations import SEEN_ATTRIBUTES

if TYPE_CHECKING:
    from tests.compat.differential.play import Scenario

SECRET = "a secret of a fair length, as it should be"
ENCRYPT_KEY = "a key that encrypts, of a fair length too"
VALIDATE_KEY = "a key that validates, of a fair length too"
KEYS = ("a", "b", "list")


def _optional(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in choices.items()}
    )


# Ini files have text where programs have values; both mean the same.
OPTIONS = _optional(
    auto=[True, "true", "false"],
    secret=[SECRET],
    data_serializer=["pickle", "json"],
    cookie_expires=[True, False, 300, "300", "true", "false", "@timedelta 90", "@datetime 2031 2 3 4 5 6"],
    cookie_domain=[".example.org"],
    cookie_path=["/app"],
    secure=[True, "true", False],
    httponly=[True, "true", "false"],
    samesite=["Strict", "Lax", None],
    key=["sid", "__Host.sid"],
    invalidate_corrupt=[True, False],
)
ACCESS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"timeout": 60}, {"timeout": "60"}, {"save_accessed_time": False}]
)
ENCRYPTION: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"encrypt_key": ENCRYPT_KEY, "validate_key": VALIDATE_KEY, "encrypt_nonce_bits": 48}]
)

key = st.sampled_from(KEYS)
value = st.sampled_from([1, 2, "text", None, [1], {"x": [1]}, "", 1.5])
which = st.integers(0, 3)
KNOBS: dict[str, list[Any]] = {
    "domain": [".example.com", None],
    "path": ["/here", "/"],
    "timeout": [None, 30],
    "secure": [True, False],
    "httponly": [True, False],
    "samesite": ["Strict", None],
    "is_new": [True, False],
    "cookie_expires": [True, "@timedelta 50"],
    "was_invalidated": [True],
    "last_accessed": [7],
}
WHEN = st.sampled_from([True, False, "@timedelta 50", "@datetime 2030 1 1 1 1 1", None])

READS = [
    st.tuples(st.just("at"), key),
    st.tuples(st.just("get"), key, value),
    st.tuples(st.just("contains"), key),
    st.tuples(st.just("has_key"), key),
    st.tuples(
        st.sampled_from(["keys", "items", "values", "copy", "iterate", "text", "length", "truth", "as_dict"])
    ),
    st.tuples(
        st.sampled_from(
            ["equals_its_content", "request_keys", "namespace_name", "apart", "dirty", "accessed"]
        )
    ),
    st.tuples(st.just("attribute"), st.sampled_from(SEEN_ATTRIBUTES)),
    st.tuples(st.just("peek"), which),
]
CHANGES = [
    st.tuples(st.just("put"), key, value),
    st.tuples(st.just("put"), st.just("list"), st.just([0])),
    st.tuples(st.just("drop"), key),
    st.tuples(st.just("pop"), key, value),
    st.tuples(st.just("setdefault"), key, value),
    st.tuples(st.just("update"), st.dictionaries(key, value, max_size=2)),
    st.tuples(st.just("append"), key, value),
    st.tuples(st.just("append"), st.just("list"), value),
    st.tuples(st.just("append_to_all"), value),
    st.tuples(st.sampled_from(["clear", "revert"])),
]
LIVES = [
    st.tuples(st.just("save")),
    st.tuples(st.just("save")),
    st.tuples(st.sampled_from(["delete", "invalidate", "regenerate_id", "persist", "load"])),
    st.tuples(st.just("save_itself"), st.booleans()),
    st.sampled_from(sorted(KNOBS)).flatmap(
        lambda name: st.tuples(st.just("assign"), st.just(name), st.sampled_from(KNOBS[name]))
    ),
    st.tuples(st.just("expires"), WHEN),
    # A domain that is no host is refused, in the table of differences.
    st.sampled_from([("path", "/m"), ("path", "x.org"), ("domain", "x.org"), ("comment", "/m")]).map(
        lambda attribute: ("morsel", *attribute)
    ),
    st.tuples(st.just("tick"), st.sampled_from([1, 5])),
    st.tuples(st.just("log_out_elsewhere"), which),
]
operation = st.one_of(st.one_of(*READS), st.one_of(*CHANGES), st.one_of(*LIVES))

COOKIES = st.one_of(
    *[st.just(("jar",))] * 6,
    st.tuples(st.just("replay"), st.integers(0, 3)),
    st.tuples(
        st.just("text"),
        st.sampled_from(
            [
                "{key}=" + "f" * 32,
                "{key}=made-up",
                "{key}=../../../etc/passwd",
                "{key}=",
                '{key}="quoted"',
                "{key}=" + "0" * 40 + "f" * 32,
                "{key}",
                "",
                "other=1; {jar}",
                "{jar}; other=2; Path=/evil; HttpOnly",
                "a{b}[c]=1; {jar}; @=;;=",
                "{key}=made-up; {jar}",
                "{jar}; {key}=made-up",
                "{jar}, x=y",
                "$Version=1; {jar}; $Path=/evil",
            ]
        ),
    ),
)

HEADERS = st.sampled_from(
    [[], [], [["Vary", "Accept"]], [["vary", "cookie"]], [["Vary", "*"]], [["Set-Cookie", "a=1"]]]
)
ENDINGS = st.sampled_from(["plain"] * 8 + ["tuple", "exc_info", "raise before", "raise after", "twice"])


@st.composite
def requests(draw: st.DrawFn, backend: str) -> Scenario:
    damage = (
        st.sampled_from([None] * 12 + ["empty", "half", "noise", "bitten"])
        if backend == "file"
        else st.none()
    )
    return {
        "client": draw(st.integers(0, 1)),
        "wait": draw(st.sampled_from([0, 1, 10, 59, 61, 1000])),
        "cookie": draw(COOKIES),
        "damage": draw(damage),
        "operations": draw(st.lists(operation, max_size=5)),
        "late": draw(st.lists(operation, max_size=1)),
        "headers": draw(HEADERS),
        "ending": draw(ENDINGS),
    }


def _begin(client: int) -> Scenario:
    return {
        "client": client,
        "wait": 0,
        "cookie": ("jar",),
        "damage": None,
        "operations": [("put", "a", 1), ("put", "list", [0]), ("save",)],
        "late": [],
        "headers": [],
        "ending": "plain",
    }


# Most of what there is to see happens to a session that is stored.
BEGINNINGS = st.sampled_from([[], [_begin(0)], [_begin(0)], [_begin(0), _begin(1)]])


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any scenario."""
    backend = draw(st.sampled_from(["file", "memory", "namespace"]))
    options = {**draw(OPTIONS), **draw(ACCESS), **draw(ENCRYPTION)}
    return {
        "how": draw(st.sampled_from(["middleware", "middleware", "alone", "bare"])),
        "backend": backend,
        "subclass": draw(st.sampled_from([False, False, True])),
        "options": options,
        "requests": [*draw(BEGINNINGS), *draw(st.lists(requests(backend), min_size=1, max_size=5))],
    }


# What concerns a store, or writes past the session what only the session can write.
NOT_IN_COOKIES = {
    "apart",
    "namespace_name",
    "save_itself",
    "persist",
    "load",
    "expires",
    "morsel",
    "request_keys",
}


@st.composite
def cookie_scenarios(draw: st.DrawFn) -> Scenario:
    """Any scenario of sessions that their cookie keeps."""
    made = draw(scenarios())
    subclass = made["subclass"]
    left_out = {*NOT_IN_COOKIES, "regenerate_id", "tick"} if subclass else NOT_IN_COOKIES
    for request in made["requests"]:
        request["damage"] = None
        for when in ("operations", "late"):
            request[when] = [operation for operation in request[when] if operation[0] not in left_out]
    options = {name: value for name, value in made["options"].items() if name != "secret"}
    if subclass:
        # Ours does not call a subclass where nothing is to be sent.
        options.pop("save_accessed_time", None)
    return {**made, "backend": "cookie", "options": {"validate_key": VALIDATE_KEY, **options}}
