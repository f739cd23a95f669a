"""Every way to a Redis server that a URL can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import redis

from beaker.exceptions import StoreUnavailableError
from beaker.session import Session
from tests.support.certificates import make_certificate
from tests.support.environment import skipped_where_impossible
from tests.support.redis_server import RedisServer
from tests.support.sessions import ID
from tests.support.watched import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "p@ss/w:rd?#%"
PERMISSIONS = (
    "+get +set +del +exists +scan +ping +evalsha +eval +select "
    "+pttl +pexpire +persist +setrange ~beaker_cache:* ~beaker_lock:*"
)
"""The permissions that docs/stores/redis.md names."""


class Secured:
    """A server with TLS, a socket and users, and the files of its certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = make_certificate(folder, "authority", "DNS:authority")
        own = make_certificate(folder, "server", "IP:127.0.0.1", "authority")
        make_certificate(folder, "client", "DNS:client", "authority")
        make_certificate(folder, "stranger", "DNS:stranger")
        self.tls_port = free_port()
        self.socket = folder / "redis.sock"
        self.server = RedisServer(
            [
                *("--tls-port", str(self.tls_port), "--tls-auth-clients", "optional"),
                *("--tls-cert-file", str(own), "--tls-key-file", str(own.with_suffix(".key"))),
                *("--tls-ca-cert-file", str(authority), "--unixsocket", str(self.socket)),
            ]
        )
        with redis.Redis(port=self.server.port) as client:
            client.execute_command("ACL", "SETUSER", "sessions", "on", f">{PASSWORD}", *PERMISSIONS.split())
            client.execute_command("ACL", "SETUSER", "reader", "on", ">reader", "+get", "+ping", "~*")

    def tls(self, options: str = "", host: str = "127.0.0.1") -> str:
        return f"rediss://{host}:{self.tls_port}/0?{options}"

    def file(self, name: str) -> str:
        return quote(str(self.folder / name))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The server of this module."""
    with skipped_where_impossible():
        secured = Secured(tmp_path_factory.mktemp("secured"))
    yield secured
    secured.server.stop()


def opened(url: str, **options: Any) -> Any:
    return Session({}, id=ID, use_cookies=False, type="ext:redis", url=url, timeout=600, **options)


def use(url: str) -> None:
    """Makes every request that sessions make."""
    session = opened(url)
    session.update(name="Ada", count=0)
    session.save()
    other = opened(url)
    other["count"] += 1
    other.save()
    session["name"] = "Grace"
    session.save()
    opened(url).save(accessed_only=True)
    assert (opened(url)["name"], opened(url)["count"]) == ("Grace", 1)
    session.lock()
    session.regenerate_id()
    session.save()
    session.unlock()
    session.namespace.keys()
    session.delete()


def test_a_server_with_tls_is_used_if_its_certificate_is_trusted(secured: Secured) -> None:
    use(secured.tls(f"ssl_ca_certs={secured.file('authority.pem')}"))
    use(secured.tls(f"ssl_ca_data={quote((secured.folder / 'authority.pem').read_text())}"))
    use(secured.tls("ssl_cert_reqs=none"))
    client = f"ssl_certfile={secured.file('client.pem')}&ssl_keyfile={secured.file('client.key')}"
    use(secured.tls(f"ssl_ca_certs={secured.file('authority.pem')}&{client}"))


@pytest.mark.parametrize("name", ["stranger.pem", None])
def test_a_server_whose_certificate_is_not_trusted_is_unavailable(secured: Secured, name: str | None) -> None:
    url = secured.tls(f"ssl_ca_certs={secured.file(name)}" if name else "")
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        opened(url)


def test_the_name_of_the_host_counts_unless_the_url_says_otherwise(secured: Secured) -> None:
    trusted = f"ssl_ca_certs={secured.file('authority.pem')}"
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        opened(secured.tls(trusted, host="localhost"))
    use(secured.tls(f"{trusted}&ssl_check_hostname=false", host="localhost"))


def test_a_socket_is_used(secured: Secured) -> None:
    use(f"unix://{secured.socket}?db=3")
    with redis.Redis(unix_socket_path=str(secured.socket), db=3) as client:
        assert client.keys() == []
    opened(f"unix://{secured.socket}?db=3").save()
    with redis.Redis(port=secured.server.port, db=3) as client:
        assert client.keys() == [f"beaker_cache:{ID}:session".encode()]


def test_a_user_with_the_permissions_that_are_documented_is_enough(secured: Secured) -> None:
    user = f"sessions:{quote(PASSWORD, safe='')}"
    use(f"redis://{user}@127.0.0.1:{secured.server.port}")
    use(f"unix://{user}@{secured.socket}")


@pytest.mark.parametrize(
    ("user", "words"),
    [("sessions:wrong", "user and the password"), ("nobody:wrong", "user and the password")],
)
def test_a_wrong_password_is_told_and_not_shown(secured: Secured, user: str, words: str) -> None:
    with pytest.raises(StoreUnavailableError, match=words) as caught:
        opened(f"redis://{user}@127.0.0.1:{secured.server.port}")
    assert "wrong" not in str(caught.value)


def test_a_missing_permission_is_told(secured: Secured) -> None:
    session = opened(f"redis://reader:reader@127.0.0.1:{secured.server.port}")
    with pytest.raises(StoreUnavailableError, match="allow"):
        session.save()
