"""The measured configurations, sessions and requests."""

from __future__ import annotations

from dataclasses import dataclass

SECRET = "a secret of forty characters, or nearly so"


@dataclass(frozen=True)
class Configuration:
    """A middleware as an application sets it up. Each is measured in processes of its own."""

    backend: str
    variant: str
    # Without the prefix `session.`, the type and the data folder aside.
    options: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The name, which is also that of its folder."""
        return f"{self.backend}-{self.variant}"


@dataclass(frozen=True)
class Case:
    """One kind of request, for sessions of one size."""

    configuration: Configuration
    size: str
    request: str

    @property
    def name(self) -> str:
        """The name of the case for `--only` and in messages."""
        return f"{self.configuration.name}-{self.size}-{self.request}"


KEYS = (("encrypt_key", SECRET), ("validate_key", SECRET))
VARIANTS = {
    "signed": (("secret", SECRET),),
    "unsigned": (),
    "json": (("secret", SECRET), ("data_serializer", "json")),
    "encrypted": (("secret", SECRET), *KEYS),
    # The original has no second formats: there it writes its only one.
    "format2": (("secret", SECRET), ("record_format", "2")),
}
# Sessions that their cookie keeps.
COOKIE_VARIANTS = {
    "plain": (("validate_key", SECRET),),
    "json": (("validate_key", SECRET), ("data_serializer", "json")),
    "encrypted": KEYS,
    "format2": (*KEYS, ("cookie_format", "2")),
}
# The default configuration is measured in full; the others where they differ from it.
SIZES = {
    "signed": ("small", "large"),
    "unsigned": ("small",),
    "json": ("small",),
    "encrypted": ("small",),
    "format2": ("small", "large"),
}
REQUESTS = {
    "signed": ("untouched", "read", "read-list", "write", "new"),
    "unsigned": ("untouched", "read", "write", "new"),
    "json": ("read", "write"),
    "encrypted": ("read", "write"),
    "format2": ("read", "write"),
}


def all_cases() -> list[Case]:
    """Every case, those of one configuration together."""
    in_cookies = [
        Case(Configuration("cookie", variant, options), "small", request)
        for variant, options in COOKIE_VARIANTS.items()
        for request in REQUESTS["unsigned"]
    ]
    in_stores = [
        Case(Configuration(backend, variant, options), size, request)
        for variant, options in VARIANTS.items()
        for backend in ("memory", "file")
        for size in SIZES[variant]
        for request in REQUESTS[variant]
    ]
    return in_stores + in_cookies
