"""Keys are changed without a logout: the newest writes, all read, and what is older is written anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.keys.keyed import NEW, OLD, OLDEST, OTHER
from tests.support.sessions import COOKIE, Browser, Literals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.keys.keyed import Keyed

pytestmark = pytest.mark.filterwarnings("ignore:.*(Invalid signature|cannot be decoded)")


def by_list(*keys: str) -> Any:
    return list(keys)


def by_tuple(*keys: str) -> Any:
    return tuple(keys)


def by_json(*keys: str) -> Any:
    return json.dumps(list(keys))


SEVERAL = pytest.mark.parametrize("several", [by_list, by_tuple, by_json])


@SEVERAL
def test_the_newest_key_writes(keyed: Keyed, several: Any) -> None:
    visitor = keyed.browser(several(NEW, OLD))
    visitor.put(name="Ada")
    assert keyed.given(visitor.jar, NEW).read() == {"name": "Ada"}
    assert keyed.given(visitor.jar, OLD).read() == {}


@SEVERAL
@pytest.mark.parametrize("key", [NEW, OLD, OLDEST])
def test_every_key_reads(keyed: Keyed, several: Any, key: str) -> None:
    visitor = keyed.browser(key)
    visitor.put(name="Ada", nested=[1])
    assert keyed.given(visitor.jar, several(NEW, OLD, OLDEST)).read() == {"name": "Ada", "nested": [1]}


def test_no_other_key_reads(keyed: Keyed) -> None:
    visitor = keyed.browser(OTHER[::-1])
    visitor.put(name="Ada")
    assert keyed.given(visitor.jar, [NEW, OLD]).read() == {}


@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_value_of_an_older_key_is_rewritten_when_read(keyed: Keyed, keeps_time: bool) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    rotated = keyed.given(visitor.jar, [NEW, OLD], save_accessed_time=keeps_time)
    assert rotated.read() == {"name": "Ada"}
    assert keyed.given(rotated.jar, NEW).read() == {"name": "Ada"}


def test_an_unused_session_is_not_rewritten(keyed: Keyed) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    assert keyed.given(visitor.jar, [NEW, OLD]).visit().cookies == []
    assert keyed.given(visitor.jar, OLD).read() == {"name": "Ada"}


def test_writing_again_takes_no_unsaved_change_along(keyed: Keyed) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    rotated = keyed.given(visitor.jar, [NEW, OLD], save_accessed_time=False)
    rotated.visit(lambda session: session.update(name="Grace", more=1))
    assert keyed.given(rotated.jar, NEW).read() == {"name": "Ada"}


def test_a_value_of_the_newest_key_is_not_rewritten(keyed: Keyed) -> None:
    visitor = keyed.browser([NEW, OLD], save_accessed_time=False)
    visitor.put(name="Ada")
    assert visitor.visit(dict).cookies == []
    assert visitor.read() == {"name": "Ada"}


def test_a_saved_change_is_written_under_the_newest_key(keyed: Keyed) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    rotated = keyed.given(visitor.jar, [NEW, OLD])
    rotated.put(name="Grace")
    assert keyed.given(rotated.jar, NEW).read() == {"name": "Grace"}


def test_the_id_stays_when_a_key_changes(keyed: Keyed) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    before = visitor.visit(lambda session: session.id).result
    rotated = keyed.given(visitor.jar, [NEW, OLD])
    assert rotated.visit(lambda session: session.id).result == before
    assert rotated.visit(lambda session: (session.id, session.is_new)).result == (before, False)


def test_older_keys_have_an_option_of_their_own(keyed: Keyed) -> None:
    visitor = keyed.browser(OLDEST)
    visitor.put(name="Ada")
    fallbacks = f"{keyed.option}_fallbacks"
    for older in ([OLD, OLDEST], (OLD, OLDEST), json.dumps([OLD, OLDEST]), f"\n{OLD}\n\n  {OLDEST}\n"):
        rotated = keyed.given(visitor.jar, NEW, **{fallbacks: older})
        assert rotated.read() == {"name": "Ada"}
        visitor.jar = rotated.jar
        assert keyed.given(rotated.jar, NEW).read() == {"name": "Ada"}
        # Back, for the next way to say it.
        back = keyed.given(rotated.jar, [OLDEST, NEW])
        back.read()
        visitor.jar = back.jar


def test_keys_come_from_a_file_the_newest_first(keyed: Keyed, key_file: Callable[..., str]) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    path = key_file("", NEW, "", f"  {OLD}  ", "")
    rotated = keyed.given(visitor.jar, None, **{f"{keyed.option}_file": path})
    assert rotated.read() == {"name": "Ada"}
    assert keyed.given(rotated.jar, NEW).read() == {"name": "Ada"}


def test_a_rotation_in_steps_logs_nobody_out(keyed: Keyed) -> None:
    visitor = keyed.browser(OLD)
    visitor.put(name="Ada")
    jar = visitor.jar
    # First all processes learn the new key, then they sign with it, then the old one goes.
    for keys in (OLD, [OLD, NEW], [NEW, OLD], [OLD, NEW], [NEW, OLD], NEW):
        step = keyed.given(jar, keys)
        assert step.read() == {"name": "Ada"}, keys
        jar = step.jar


def test_the_key_of_a_session_is_the_newest_as_its_attribute_shows(keyed: Keyed) -> None:
    visitor = keyed.browser([NEW, OLD])
    shown = visitor.visit(lambda session: str(getattr(session, keyed.option))).result
    assert NEW in shown


@pytest.mark.parametrize("crypto_type", ["default", "pycryptodome"])
def test_a_serializer_of_the_application_distinguishes_the_keys(crypto_type: str) -> None:
    options = {**COOKIE, "crypto_type": crypto_type, "data_serializer": Literals()}
    old = Browser(options, encrypt_key=OLDEST)
    old.put(name="Ada")
    rotated = Browser(options, encrypt_key=[NEW, OLD, OLDEST])
    rotated.jar = old.jar
    assert rotated.read() == {"name": "Ada"}
    newest = Browser(options, encrypt_key=NEW)
    newest.jar = rotated.jar
    assert newest.read() == {"name": "Ada"}
