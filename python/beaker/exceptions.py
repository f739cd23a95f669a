# ruff: noqa: N818 - the names are the ones that applications use
"""What this package raises and warns of.

Three failures are told apart: a configuration that cannot be meant (:class:`ConfigurationError`), a record
that cannot be decoded (:class:`CorruptSessionError`) and a store that did not answer
(:class:`StoreUnavailableError`). A session that does not exist is none of them: it is a new session.
"""

import pickle
from typing import Any

__all__ = [
    "BeakerException",
    "BeakerWarning",
    "CachesAbsentError",
    "ConfigurationError",
    "CorruptSessionError",
    "CreationAbortedError",
    "InvalidCacheBackendError",
    "InvalidCryptoBackendError",
    "LockError",
    "MissingCacheParameter",
    "StoreUnavailableError",
    "UnstorableValueError",
]


class BeakerException(Exception):
    """The root of the errors below, but for :class:`CreationAbortedError`."""


class BeakerWarning(RuntimeWarning):
    """Something that works, but not as its author can have meant it."""


class CreationAbortedError(Exception):
    """Never raised any more; kept for the applications that name it in an ``except`` clause."""


class InvalidCacheBackendError(BeakerException, ImportError):
    """A backend that does not exist, or whose client library is not installed."""


class CachesAbsentError(BeakerException, ImportError):
    """The caches of Beaker, which this version has not, were asked for."""


class MissingCacheParameter(BeakerException):
    """A backend was built without an option that it cannot do without."""


class LockError(BeakerException):
    """Somebody else had a lock for as long as the caller would wait, or a lock was used out of order.

    Out of order is to release what is not held, or to take for reading what is held for writing.
    """


class ConfigurationError(BeakerException, ValueError):
    """An option, or a combination of options, that cannot be meant."""


class InvalidCryptoBackendError(ConfigurationError):
    """An encryption module that is not registered, or that cannot encrypt."""


class CorruptSessionError(BeakerException, pickle.UnpicklingError, ValueError):
    """A stored record or a cookie that cannot be decoded. The store itself is well.

    It is also what Beaker raises there: a :class:`pickle.UnpicklingError`, or for JSON and base64 a
    :class:`ValueError`. The exception of the decoder, if there was one, is in ``__cause__``.
    """


class StoreUnavailableError(BeakerException, OSError):
    """The store could not be asked, or did not answer; nothing is known about the session.

    Where an error of the operating system is the reason, ``errno`` and ``strerror`` are that error's, and
    ``filename`` is the folder that was concerned: a file's own name may show a session's id. Otherwise they
    are ``None``. The cause is in ``__cause__``.
    """

    def __str__(self) -> str:
        """What is wrong, in the words that it was raised with."""
        return BaseException.__str__(self)

    def _tell(self, cause: BaseException, folder: str) -> "StoreUnavailableError":
        """Itself, with what ``cause`` tells if that is an error of the operating system."""
        if isinstance(cause, OSError):
            self.errno, self.strerror, self.filename = cause.errno, cause.strerror, folder
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """What a pickle of it keeps."""
        return type(self), self.args, (self.errno, self.strerror, self.filename)

    def __setstate__(self, state: Any) -> None:
        """Takes back what a pickle kept."""
        self.errno, self.strerror, self.filename = state


class UnstorableValueError(BeakerException):
    """A session has a value that its serializer cannot hold, or that would not be read again.

    The text names the value's key and its type, and ``key`` is the key. Where the serializer raised an
    exception of Python's, it is an instance of that one's class too, and that one is in ``__cause__``.
    """

    key: Any = None

    def __str__(self) -> str:
        """What is wrong, in the words that it was raised with."""
        return BaseException.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """What a pickle of it keeps: the text alone, since the key may be what cannot be pickled."""
        return UnstorableValueError, (str(self),)
