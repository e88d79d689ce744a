"""The file `.env`: what it sets, and which of its keys set nothing."""

from collections.abc import Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from immich_drop import predecessor
from immich_drop.settings import FORMER, SettingsError, keys

PATH = Path(".env")

ALIKE = 0.8
"""A key of the environment that is less like one of ours (0 to 1) is of some other program."""


def read() -> dict[str, str | None]:
    """Return what `.env` sets, which is nothing where there is none. Raises SettingsError, OSError.

    A line that cannot be read would drop a setting, and the drop would run without it.
    """
    try:
        text = PATH.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(".env must be saved as UTF-8") from None
    if wrong := [_line(each) for each in parse_stream(StringIO(text)) if _is_wrong(each)]:
        raise SettingsError(
            "\n".join(
                f".env line {line} is not KEY=value, or a quote is not closed" for line in wrong
            )
        )
    # A title or a password may well have a `${`, and no other key is meant by it.
    return dotenv_values(stream=StringIO(text), interpolate=False)


def place() -> str:
    """Say where to correct settings."""
    if PATH.exists():
        return ".env (or the environment)"
    return f"the environment (there is no .env in {Path.cwd()})"


def advise(written: Mapping[str, str | None], environ: Mapping[str, str]) -> list[str]:
    """Say which keys set nothing: all those of `.env`, of the environment what looks like ours."""
    return [
        *predecessor.advise({**written, **environ}, former=FORMER),
        *(f"{key} is no setting{_guess(key)}" for key in written if _is_strange(key)),
        *(
            f"{key} is no setting{guess}"
            for key in environ
            if key not in written and _is_strange(key) and (guess := _guess(key, alike=ALIKE))
        ),
    ]


def _is_strange(key: str) -> bool:
    return key not in keys() and not predecessor.advise({key: key}, former=FORMER)


def _guess(key: str, *, alike: float = 0.6) -> str:
    meant = get_close_matches(key.upper(), keys(), n=1, cutoff=alike)
    return f"; did you mean {meant[0]}?" if meant else ""


def _is_wrong(binding: Binding) -> bool:
    return binding.error or (binding.key is not None and binding.value is None)


def _line(binding: Binding) -> int:
    """Return the number of the line; the empty ones above belong to a binding, too."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
