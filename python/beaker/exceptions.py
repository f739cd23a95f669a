# ruff: noqa: N818 - the names are the ones that applications use
"""The exceptions and warnings of this package.

Three failures differ: an invalid configuration (:class:`ConfigurationError`), a record that cannot be decoded
(:class:`CorruptSessionError`) and a store that did not answer (:class:`StoreUnavailableError`). A session
that does not exist is no failure: it is a new session.
"""

import pickle
from typing import Any

__all__ = [
    "BeakerException",
    "BeakerWarning",
    "ConfigurationError",
    "CorruptSessionError",
    "CreationAbortedError",
    "InvalidCacheBackendError",
    "InvalidCryptoBackendError",
    "LockError",
    "MissingCacheParameter",
    "OutcomeUnknownError",
    "StoreUnavailableError",
    "UnknownBackendError",
    "UnknownCacheError",
    "UnknownRegionError",
    "UnstorableValueError",
]


class BeakerException(Exception):
    """The base class of the errors below, except :class:`CreationAbortedError`."""


class BeakerWarning(RuntimeWarning):
    """A use that works, but probably not as intended."""


class CreationAbortedError(Exception):
    """Never raised. Kept for applications that name it in an ``except`` clause."""


class InvalidCacheBackendError(BeakerException, ImportError):
    """A backend that does not exist, or whose client library is not installed."""


class UnknownBackendError(InvalidCacheBackendError, KeyError):
    """The name of no backend."""

    def __str__(self) -> str:
        """The message alone."""
        return BaseException.__str__(self)


class UnknownCacheError(UnknownBackendError, TypeError):
    """A cache whose ``type`` is the name of no backend."""


class UnknownRegionError(BeakerException, KeyError):
    """The name of no cache region."""

    def __str__(self) -> str:
        """The message alone."""
        return BaseException.__str__(self)


class MissingCacheParameter(BeakerException):
    """A backend lacks an option that it needs."""


class LockError(BeakerException):
    """A lock was not free within the time limit, or was used out of order.

    Releasing a lock that is not held is out of order, and so is taking it for reading while holding it for
    writing.
    """


class ConfigurationError(BeakerException, ValueError):
    """An invalid option, or an invalid combination of options."""


class InvalidCryptoBackendError(ConfigurationError):
    """An encryption module that is not registered, or that cannot encrypt."""


class CorruptSessionError(BeakerException, pickle.UnpicklingError, ValueError):
    """A stored record or a cookie cannot be decoded. The store itself works.

    It derives from what Beaker raises: :class:`pickle.UnpicklingError`, and :class:`ValueError` for JSON and
    base64. The exception of the decoder, if there is one, is in ``__cause__``.
    """


class StoreUnavailableError(BeakerException, OSError):
    """The store did not answer. Nothing is known about the session.

    If an error of the operating system is the reason, ``errno`` and ``strerror`` are that error's, and
    ``filename`` is the folder: the name of the file could show a session id. Otherwise they are ``None``. The
    cause is in ``__cause__``.
    """

    def __str__(self) -> str:
        """The message alone."""
        return BaseException.__str__(self)

    def _tell(self, cause: BaseException, folder: str) -> "StoreUnavailableError":
        """Takes over the details of ``cause`` if that is an error of the operating system."""
        if isinstance(cause, OSError):
            self.errno, self.strerror, self.filename = cause.errno, cause.strerror, folder
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Keeps the message and the details in a pickle."""
        return type(self), self.args, (self.errno, self.strerror, self.filename)

    def __setstate__(self, state: Any) -> None:
        """Restores the details from a pickle."""
        self.errno, self.strerror, self.filename = state


class OutcomeUnknownError(StoreUnavailableError):
    """The reply of the store was lost: the change was made, or it was not.

    A request that is sent again must not make the change twice: load the session first.
    """


class UnstorableValueError(BeakerException):
    """A session or a cache has a value that its serializer cannot store, or could not read again.

    For a session the message names the key and the type of the value, and ``key`` is the key. If the
    serializer raised an exception of Python's, this one is also an instance of that class, and that one is in
    ``__cause__``.
    """

    key: Any = None

    def __str__(self) -> str:
        """The message alone."""
        return BaseException.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Keeps only the message in a pickle: the key may be what cannot be pickled."""
        return UnstorableValueError, (str(self),)
