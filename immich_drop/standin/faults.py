"""Misbehaviour on request: which requests fail, how often, and how.

A fault is drawn when a request's headers have arrived. It strikes at one of four points: before the
body is read (by an answer from a proxy or from Immich, or by none at all), while the body is read,
when the asset is inserted, or when the answer is sent.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """What can go wrong."""

    DOWN = "down"
    """Drop this connection and refuse new ones for `seconds` (None: for ever)."""
    STATUS = "status"
    """An error of Immich itself with `status` and `message`, before the body is read."""
    MAINTENANCE = "maintenance"
    """404 as in maintenance mode."""
    HTML = "html"
    """A page of a proxy with `status`: 502, 413, or 200 like a login page."""
    REDIRECT = "redirect"
    """`status` (302, 307) to `location`."""

    CUT_BODY = "cut_body"
    """The connection is cut after `after` bytes of the body."""
    HANG_BODY = "hang_body"
    """After `after` bytes of the body reading stops until the fault is cleared."""
    SLOW_BODY = "slow_body"
    """The body is read at `rate` bytes a second."""

    ERROR_BEFORE_INSERT = "error_before_insert"
    """500, and nothing is stored."""
    ERROR_AFTER_INSERT = "error_after_insert"
    """500; before 3.1 a row without a file stays behind (Immich #30349)."""
    QUOTA = "quota"
    """400, the quota is exceeded."""
    TRASHED_TWIN = "trashed_twin"
    """The same bytes turn out to be in the trash: 200 duplicate."""

    LOSE_ANSWER = "lose_answer"
    """The request is carried out, then the connection is dropped without an answer."""
    SLOW_ANSWER = "slow_answer"
    """The answer comes `seconds` late."""


AT_HEADERS = frozenset({Kind.DOWN, Kind.STATUS, Kind.MAINTENANCE, Kind.HTML, Kind.REDIRECT})
AT_BODY = frozenset({Kind.CUT_BODY, Kind.HANG_BODY, Kind.SLOW_BODY})
AT_INSERT = frozenset(
    {Kind.ERROR_BEFORE_INSERT, Kind.ERROR_AFTER_INSERT, Kind.QUOTA, Kind.TRASHED_TWIN}
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with matching requests."""

    kind: Kind
    match: str = r"POST /assets"
    """Regular expression for all of `METHOD /path`; the path is below /api and has no query."""
    times: int | None = 1
    """How many requests it strikes; None: all, until it is cleared."""
    probability: float = 1.0
    """Chance to strike a matching request."""
    after: int = 0
    """Bytes of the body."""
    rate: int = 1024 * 1024
    """Bytes a second."""
    seconds: float | None = None
    status: int = 500
    message: str = ""
    """Immich's message; "": the standard phrase for the status."""
    location: str = ""

    def __post_init__(self) -> None:
        """Accept a kind by its name too; fail early on an invalid kind or pattern."""
        self.kind = Kind(self.kind)
        re.compile(self.match)

    def matches(self, line: str) -> bool:
        """Tell whether the fault applies to a request `METHOD /path`."""
        return re.fullmatch(self.match, line) is not None


class FaultPlan:
    """The active faults; chance is seeded, so that a run can be repeated."""

    def __init__(self, seed: int = 0) -> None:
        self.faults: list[Fault] = []
        self._random = Random(seed)
        self.woken = asyncio.Event()
        """Set when hanging requests may go on; a new event then replaces it."""

    def add(self, *faults: Fault) -> None:
        """Activate faults; if several apply at one point, the first added strikes."""
        self.faults += faults

    def clear(self) -> None:
        """End all faults; hanging requests go on."""
        self.faults.clear()
        self.wake()

    def wake(self) -> None:
        """Let the requests that hang now go on."""
        self.woken.set()
        self.woken = asyncio.Event()

    def draw(self, line: str) -> list[Fault]:
        """Return the faults that strike a request `METHOD /path`, and count them as used."""
        struck = [each for each in self.faults if each.matches(line) and self._chance(each)]
        for fault in struck:
            if fault.times is not None:
                fault.times -= 1
        self.faults = [each for each in self.faults if each.times != 0]
        return struck

    def _chance(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._random.random() < fault.probability


async def pause(woken: asyncio.Event, seconds: float | None) -> bool:
    """Wait `seconds` (None: for ever) or until woken; returns whether it was woken."""
    try:
        return await asyncio.wait_for(woken.wait(), seconds)
    except TimeoutError:
        return False


def first(faults: Iterable[Fault], kinds: Iterable[Kind]) -> Fault | None:
    """Pick the first fault of these kinds."""
    return next((each for each in faults if each.kind in kinds), None)
