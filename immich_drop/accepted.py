"""The file types Immich takes: Immich is asked, and its last answer kept for when it is down."""

import json
import logging
from collections.abc import Callable

from immich_drop.errors import ImmichError
from immich_drop.facts import Facts
from immich_drop.immich import Immich

log = logging.getLogger(__name__)

VALID = 3600.0
"""Seconds for which an answer is good: Immich may be updated while we run."""

FACT = "media-types"
"""Fact: Immich's last answer, as JSON."""

_VIDEOS = """
.3gp .3gpp .avi .flv .insv .m2t .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ts .vob .webm
.wmv
"""

VIDEOS = frozenset(_VIDEOS.split())
"""What Immich takes as a video, up to 3.2."""

_IMAGES = """
.3fr .ari .arw .avif .bmp .cap .cin .cr2 .cr3 .crw .dcr .dng .erf .fff .gif .heic .heif .hif .iiq
.insp .jp2 .jpe .jpeg .jpg .jxl .k25 .kdc .mrw .nef .nrw .orf .ori .pef .png .psd .raf .raw .rw2
.rwl .sr2 .srf .srw .svg .tif .tiff .webp .x3f
"""

_AT_FIRST = frozenset(_IMAGES.split()) | VIDEOS - {".mxf", ".ts"}
"""What Immich 2.0 takes, for a first start while Immich is down."""


class Accepted:
    """The extensions Immich takes, in lower case and with their dot."""

    def __init__(self, *, immich: Immich, facts: Facts, clock: Callable[[], float]) -> None:
        self._immich = immich
        self._facts = facts
        self._clock = clock
        self._due = float("-inf")
        self.extensions = _AT_FIRST

    def load(self) -> None:
        """Restore Immich's last answer from the database."""
        if remembered := self._facts.recall(FACT):
            self.extensions = frozenset(json.loads(remembered))

    async def refresh(self) -> None:
        """Ask Immich when its last answer is old; if none comes, keep it until the next call.

        Immich often starts along with the drop, and later.
        """
        if self._clock() < self._due:
            return
        try:
            extensions = await self._immich.media_types()
        except ImmichError as error:
            log.debug("Immich did not tell which file types it takes: %s (%s)", error.code, error)
            return
        self._due = self._clock() + VALID
        if extensions != self.extensions:
            self.extensions = extensions
            await self._facts.remember(FACT, json.dumps(sorted(extensions)))

    def takes(self, extension: str) -> bool:
        """Tell whether Immich takes files of this extension."""
        return extension in self.extensions
