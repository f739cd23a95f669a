"""The session options of an ini file."""

import configparser
from collections.abc import Collection
from pathlib import Path
from typing import Final

from beaker._commands._command import Failure

__all__ = ["options"]

_PREFIXES: Final = ("session.", "beaker.session.")


class _Parser(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        """Keeps the case of option names, as Paste does."""
        return optionstr


def options(
    path: Path, section: str | None, names: Collection[str] | None = None, *, how: str
) -> dict[str, str]:
    """The session options of the section, or of the only one that has some. With ``names``, only those.

    ``how`` tells the user how to choose a section.
    """
    # Paste defines `here` as the folder of the file.
    parser = _Parser({"here": str(path.resolve().parent), "__file__": str(path.resolve())}, strict=False)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
        if section is None:
            section = _only_section(parser, path, names, how)
        elif not parser.has_section(section):
            raise Failure(f"{path} has no section [{section}]")
        return {name: parser.get(section, key).strip() for key, name in _named(parser, section, names)}
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError):
        # The text may hold secrets, which the error would show.
        raise Failure(f"{path} is not a valid ini file, or refers to a missing option") from None


def _only_section(parser: _Parser, path: Path, names: Collection[str] | None, how: str) -> str:
    sections = [section for section in parser.sections() if _named(parser, section, names)]
    if len(sections) == 1:
        return sections[0]
    if not sections:
        raise Failure(f"{path} has no section with session options")
    raise Failure(f"{path} has several sections with sessions; choose one with {how}: {', '.join(sections)}")


def _named(parser: _Parser, section: str, names: Collection[str] | None) -> list[tuple[str, str]]:
    """The keys of the session options in a section, each with the name of its option."""
    return [
        (key, key.removeprefix(prefix))
        for prefix in _PREFIXES
        for key in parser.options(section)
        if key.startswith(prefix) and (names is None or key.removeprefix(prefix) in names)
    ]
