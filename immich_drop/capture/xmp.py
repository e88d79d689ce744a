"""Who brought a file, where Immich shows it: in the description of an XMP sidecar."""

import re
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from immich_drop.capture import boxes, images
from immich_drop.capture.region import Region

HEAD = 512 * 1024
TAIL = 256 * 1024
"""Bytes at either end of a file, where writers put their XMP (Part 3 of the XMP specification has
it found by a scan, whatever the format)."""

_MARKERS = (b"dc:description", b"tEXtDescription\0", b"iTXtDescription\0", b"zTXtDescription\0")
"""What precedes a description in XMP, and in PNG."""

_NOT_IN_XML = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot say."""

_SIDECAR = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">From {}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def sidecar(path: Path, *, guest: str) -> bytes | None:
    """Return a sidecar that names the guest, or None where it would hide something.

    Immich takes what a sidecar says in place of what the file says: a description here would hide
    the file's own, so a file that has one (as far as a bounded look can tell) gets no sidecar; and
    a date here would have Immich discard every date and zone of the file, so there is none. No
    content makes this raise. An empty name makes no sidecar either.
    """
    name = " ".join(_NOT_IN_XML.sub(" ", guest).split())
    if not name or _described(path):
        return None
    return _SIDECAR.format(escape(name)).encode()


def _described(path: Path) -> bool:
    with path.open("rb", buffering=0) as file:
        for describes in (images.described, boxes.described, _has_marker):
            with suppress(EOFError):
                if describes(Region.whole(file)):
                    return True
    return False


def _has_marker(file: Region) -> bool:
    for start, length in ((0, HEAD), (max(0, file.length - TAIL), TAIL)):
        data = file.some(start, length)
        if any(marker in data for marker in _MARKERS):
            return True
    return False
