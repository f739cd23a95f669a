"""The end of a program whose Redis server has gone before."""

import subprocess
import sys

from tests.support.redis_server import RedisServer

PROGRAM = """
import sys
import redis
from beaker.session import Session

kept = Session({}, id="a", use_cookies=False, type="ext:redis", url=sys.argv[1])
kept["a"] = 1
kept.save()
kept.lock()
redis.Redis.from_url(sys.argv[1]).shutdown(nosave=True)
"""


def test_a_session_that_is_locked_when_the_program_ends_causes_no_panic() -> None:
    server = RedisServer()
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, f"redis://127.0.0.1:{server.port}/0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.stop()
    assert (done.returncode, done.stderr) == (0, "")
