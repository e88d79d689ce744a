"""The result of one check, and the table of all results."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check, and what to do about it."""

    level: Level
    about: str
    sentence: str
    advice: str = ""


def ok(about: str, sentence: str, advice: str = "") -> Finding:
    """Report something that works; `advice` says how to make it even better."""
    return Finding(level=Level.OK, about=about, sentence=sentence, advice=advice)


def warning(about: str, sentence: str, advice: str) -> Finding:
    """Report something that works, but not well or not for long."""
    return Finding(level=Level.WARNING, about=about, sentence=sentence, advice=advice)


def error(about: str, sentence: str, advice: str) -> Finding:
    """Report something that keeps photos from arriving."""
    return Finding(level=Level.ERROR, about=about, sentence=sentence, advice=advice)


def exit_code(findings: Collection[Finding]) -> int:
    """Return the exit code of the process: 1 if anything keeps photos from arriving."""
    return int(any(finding.level is Level.ERROR for finding in findings))


def table(findings: Collection[Finding]) -> str:
    """Format the findings for people, one or two lines each."""
    about = max((len(finding.about) for finding in findings), default=0)
    return "\n".join(line for finding in findings for line in _lines(finding, about))


def _lines(finding: Finding, about: int) -> Iterator[str]:
    level = max(map(len, Level))
    yield f"{finding.level:<{level}}  {finding.about:<{about}}  {finding.sentence}"
    if finding.advice:
        yield f"{'':<{level}}  {'':<{about}}  -> {finding.advice}"
