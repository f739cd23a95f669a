"""Runs work in another process."""

import multiprocessing
import pickle
import warnings
from collections.abc import Callable
from typing import Any, Final, Literal

LIMIT: Final = 120
"""Seconds. No work of the tests takes so long unless it hangs."""

Method = Literal["fork", "spawn"]


def _answer(end: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        end.send((work(*arguments), None))
    except BaseException as error:  # whatever it is, the test has to hear of it
        end.send((None, f"{type(error).__name__}: {error}"))
        raise


class Started:
    """Work in another process. The process is forked, or begins as a new interpreter.

    The new interpreter gets the work and its arguments by pickle.
    """

    def __init__(self, method: Method, work: Callable[..., Any], *arguments: Any) -> None:
        context = multiprocessing.get_context(method)
        self._end, theirs = context.Pipe()
        self._process = context.Process(  # type: ignore[attr-defined]
            target=_answer, args=(theirs, work, arguments), daemon=True
        )
        with warnings.catch_warnings():
            # Python 3.12 and later warn of threads, which these laws are about.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        theirs.close()

    def result(self) -> Any:
        """The result of the work, when its process has ended."""
        try:
            assert self._end.poll(LIMIT), "a process hangs"
            result, trouble = self._end.recv()
        except (EOFError, pickle.UnpicklingError) as error:
            raise AssertionError("a process ended without an answer") from error
        finally:
            self._end.close()
            self._process.join(LIMIT)
        assert trouble is None, f"in another process: {trouble}"
        return result


def in_process(method: Method, work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of ``work`` in another process, which has ended."""
    return Started(method, work, *arguments).result()
