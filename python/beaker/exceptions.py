# ruff: noqa: N818 - the names are the ones that applications use
"""What this package raises and warns of.

Three failures are told apart: a configuration that cannot be meant (:class:`ConfigurationError`), a record
that cannot be decoded (:class:`CorruptSessionError`) and a store that did not answer
(:class:`StoreUnavailableError`). A session that does not exist is none of them: it is a new session.
"""

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


class InvalidCryptoBackendError(BeakerException):
    """An encryption module that is not registered, or that cannot encrypt."""


class ConfigurationError(BeakerException, ValueError):
    """An option, or a combination of options, that cannot be meant."""


class CorruptSessionError(BeakerException):
    """A stored record or a cookie that cannot be decoded. The store itself is well."""


class StoreUnavailableError(BeakerException):
    """The store could not be asked, or did not answer; nothing is known about the session.

    The cause, often an :class:`OSError`, is in ``__cause__``.
    """
