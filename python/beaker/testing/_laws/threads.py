"""Threads that use one session at once: no change is lost, and nothing that ended comes back."""

import threading
from typing import Any

import pytest

from beaker.testing._backend import Backend
from beaker.testing._laws._fixtures import Browsers, Laws
from beaker.testing._sessions import ID, content, exists, opened, stored
from beaker.testing._threads import together

# A late save warns, and `warnings.catch_warnings` does not work in threads.
_ENDED = pytest.mark.filterwarnings("ignore:.* was ended:beaker.exceptions.BeakerWarning")


class Threads(Laws):
    """Threads that use one session at once."""

    def test_changes_of_threads_are_all_kept(self, backend: Backend) -> None:
        stored(backend, kept=0)

        def save(number: int) -> None:
            for turn in range(8):
                session = opened(backend, ID)
                session[f"{number}-{turn}"] = turn
                session.save()

        together(save, 4)
        expected = {f"{number}-{turn}": turn for number in range(4) for turn in range(8)}
        assert content(backend) == {"kept": 0, **expected}

    def test_a_count_under_the_lock_is_right(self, backend: Backend) -> None:
        stored(backend, count=0)

        def count(_: int) -> None:
            for _turn in range(8):
                session = opened(backend, ID)
                session.lock()
                session.load()
                session["count"] += 1
                session.save()
                session.unlock()

        together(count, 4)
        assert content(backend) == {"count": 32}

    def test_requests_that_lock_count_right(self, browser: Browsers) -> None:
        visitor = browser(concurrency="lock")
        visitor.put(count=0)

        def visit(session: Any) -> None:
            session["count"] += 1
            session.save()

        def count(_: int) -> None:
            same = browser(concurrency="lock")
            for _turn in range(8):
                same.jar = visitor.jar
                same.visit(visit)

        together(count, 4)
        assert visitor.read() == {"count": 32}

    def test_a_session_that_is_saved_at_once_by_all_is_whole(self, backend: Backend) -> None:
        stored(backend, text="", length=0)
        done = threading.Event()

        def write(number: int) -> None:
            if number == 0:
                while not done.is_set():
                    found = content(backend)
                    assert len(found["text"]) == found["length"]
                    assert len(set(found["text"])) <= 1
                return
            try:
                for turn in range(12):
                    session = opened(backend, ID, concurrency="beaker")
                    session["length"] = 2000 * (turn % 4) + 17
                    session["text"] = "abcd"[number] * session["length"]
                    session.save()
            finally:
                done.set()

        together(write, 2)

    @_ENDED
    def test_a_logout_among_saves_of_threads_is_final(self, backend: Backend) -> None:
        stored(backend, kept=0)

        def use(number: int) -> None:
            if number == 0:
                sessions[0].delete()
                return
            for turn in range(8):
                sessions[number][f"{number}-{turn}"] = turn
                sessions[number].save()

        for _ in range(5):
            sessions = [opened(backend, ID) for _ in range(4)]
            together(use, 4)
            assert not exists(backend, ID)
            stored(backend, kept=0)

    @_ENDED
    def test_of_rotations_by_threads_one_leaves_a_session(self, backend: Backend) -> None:
        for _ in range(5):
            stored(backend, name="Ada")
            sessions = [opened(backend, ID) for _ in range(4)]

            def rotate(number: int, sessions: list[Any] = sessions) -> None:
                sessions[number].regenerate_id()
                sessions[number].save()

            together(rotate, 4)
            assert not exists(backend, ID)
            assert sum(exists(backend, session.id) for session in sessions) == 1

    def test_threads_that_begin_one_session_all_keep_their_keys(self, backend: Backend) -> None:
        sessions = [opened(backend, ID) for _ in range(4)]

        def save(number: int) -> None:
            sessions[number][f"{number}"] = number
            sessions[number].save()

        together(save, 4)
        assert content(backend) == {f"{number}": number for number in range(4)}
