"""A cached value whose cache has a policy."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from beaker import _renewal
from beaker._cache_policy import Policy
from beaker._memory_namespace import MemoryNamespaceManager
from beaker._sizes import size_of
from beaker._value import ABSENT, Making, Value

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GovernedValue"]

_LOGGER = logging.getLogger("beaker.cache")


class GovernedValue(Value):
    """One key of a namespace. The policy decides when its value is served, renewed and counted."""

    __slots__ = ("_is_early", "_left", "_policy", "_stored_at", "_tags")

    def __init__(
        self,
        key: Any,
        namespace: Any,
        policy: Policy,
        tags: Iterable[str],
        *,
        createfunc: Callable[[], Any] | None = None,
        expiretime: float | None = None,
        starttime: float | None = None,
    ) -> None:
        super().__init__(key, namespace, createfunc, expiretime, starttime)
        self._policy = policy
        self._tags = tuple(tags)
        self._is_early = False
        self._left: float | None = None
        self._stored_at: float | None = None

    def get_value(self) -> Any:
        """The value, made if need be, as the policy says.

        Raises :class:`KeyError` if there is no fresh value and no ``createfunc``, and an exception that
        stands for an answer.
        """
        found, is_settled = self._begin(None if self.createfunc is None else self._renew_in_thread)
        return found if is_settled else self._make(found, wait=found is ABSENT)

    def _look(self) -> tuple[Any, bool]:
        """The value that may be served, or ``ABSENT``, and whether it is fresh."""
        value, stored, expires = self._stored()
        self._stored_at, self._left = stored, None
        if value is ABSENT or self._is_invalidated(stored):
            return ABSENT, False
        now = time.time()
        ends = [] if expires is None else [stored + expires]
        if self.starttime is not None and stored < self.starttime:
            ends.append(min(self.starttime, now))
        end = min(ends, default=None)
        if end is None or now < end:
            self._left = None if end is None else end - now
            return value, True
        is_over = self._policy.stale is not None and now >= end + self._policy.stale
        return (ABSENT if is_over else value), False

    def _is_invalidated(self, moment: float) -> bool:
        return bool(self._tags) and moment <= self._policy.tag_store.since(self._tags)

    def _begin(self, renew_behind: Callable[[Any], None] | None) -> tuple[Any, bool]:
        found, fresh = self._look()
        policy = self._policy
        if fresh:
            policy.count("hits")
            self._is_early = (
                renew_behind is not None
                and policy.beta > 0
                and self._left is not None
                and policy.is_due(self.key, self._left)
            )
            if not self._is_early:
                return found, True
        else:
            self._raise_kept()
        if found is not ABSENT and policy.stale is not None and renew_behind is not None:
            if not fresh:
                policy.count("stale")
            renew_behind(found)
            return found, True
        if found is ABSENT or renew_behind is None:
            policy.count("misses")
        return found, False

    def _raise_kept(self) -> None:
        kept = self._policy.kept
        found = None if kept is None else kept.find(self.key)
        if found is not None and not self._is_invalidated(found[0]):
            self._policy.count("hits")
            raise found[1]

    def _note_lock(self, found: Any, wait: bool, taken: bool) -> None:
        if wait:
            if found is ABSENT and not taken:
                self._policy.count("waits")
        elif not self._is_early:
            self._policy.count("misses" if taken else "stale")

    def _look_again(self) -> tuple[Any, bool]:
        before = self._stored_at
        found, fresh = self._look()
        if fresh and not (self._is_early and self._stored_at == before):
            return found, True
        self._raise_kept()
        return found, False

    def _making(self, found: Any) -> Making:
        return _GovernedMaking(self, found)

    def _renew_in_thread(self, found: Any) -> None:
        _renewal.renew_in_thread((id(self.namespace), self.key), lambda: self._renew(found))

    def _renew(self, found: Any) -> None:
        with self._reporting():
            self._make(found, wait=True)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Logs the failure of a renewal, which no caller hears of."""
        try:
            yield
        except self._policy.exceptions:
            # It is the new answer.
            pass
        except Exception as error:
            self._log_failure(error)
        except SystemExit as error:
            self._log_failure(error)
            raise

    def _log_failure(self, error: BaseException) -> None:
        # A key has arguments of the program, so it is not shown.
        _LOGGER.warning(
            "a value in the cache namespace %r is not renewed, and the old one stays for now: %s",
            self.namespace.namespace,
            type(error).__name__,
            exc_info=error,
        )

    def set_value(self, value: Any, storedtime: float | None = None) -> None:
        """Stores ``value`` as of ``storedtime`` (seconds since the epoch), by default now."""
        self._begin_tags()
        self._store(value, storedtime, self.expire_argument)

    def clear_value(self) -> None:
        """Removes the value; no error if there is none."""
        self._forget_exception()
        super().clear_value()

    def _begin_tags(self) -> None:
        """Begins the tags that the store does not have, before a value is stored."""
        if self._tags:
            self._policy.tag_store.since(self._tags)

    def _forget_exception(self) -> None:
        if self._policy.kept is not None:
            self._policy.kept.drop(self.key)

    def _keep_made(self, value: Any, began: float, seconds: float) -> None:
        """Stores a value that was made."""
        policy = self._policy
        policy.count("loads")
        if policy.beta:
            policy.durations.note(self.key, seconds)
        expire = self.expire_argument
        if value is None and policy.negative_expire is not None:
            expire = policy.negative_expire
            if not expire:
                self.clear_value()
                return
        if not self._tags:
            self._store(value, None, expire)
            return
        # An invalidation while the value was made counts, so it is stored as of the beginning.
        self._store(value, began, None if expire is None else expire + (time.time() - began))

    def _store(self, value: Any, storedtime: float | None, expire: float | None) -> None:
        self._forget_exception()
        if self._policy.statistics is not None:
            self._policy.count("bytes", size_of(value))
        super()._store(value, storedtime, expire)

    def _write(self, record: tuple[Any, ...]) -> None:
        policy, expires = self._policy, record[1]
        kept = expires if expires is None or policy.stale is None else expires + policy.stale
        if isinstance(self.namespace, MemoryNamespaceManager):
            self.namespace._keep(self.key, record, kept or 0.0, policy.longest_early(self.key))
        else:
            self.namespace.set_value(self.key, record, expiretime=kept)

    def _note_failure(self, error: BaseException, found: Any, began: float) -> bool:
        """Whether the value that was found is served in spite of a failure."""
        policy = self._policy
        policy.count("errors")
        if isinstance(error, policy.exceptions):
            self.clear_value()
            if policy.kept is not None:
                policy.kept.keep(self.key, error, began)
            return False
        if found is ABSENT or not isinstance(error, Exception):
            return False
        if not self._is_early and policy.stale is None:
            return False
        self._log_failure(error)
        return True


class _GovernedMaking(Making):
    """Makes one value, and measures the time."""

    def __init__(self, value: GovernedValue, found: Any) -> None:
        super().__init__(value)
        self._governed = value
        self._found = found

    def __enter__(self) -> "Self":
        self._governed._begin_tags()
        self._began = time.time()
        self._clock = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self._governed._keep_made(self.made, self._began, time.perf_counter() - self._clock)
            return False
        self.made = self._found
        return self._governed._note_failure(error, self._found, self._began)
