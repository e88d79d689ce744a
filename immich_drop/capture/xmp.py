"""Names the guest where Immich shows it: in the description of an XMP sidecar."""

import re
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from immich_drop.capture import boxes, images
from immich_drop.capture.region import Region

HEAD = 512 * 1024
TAIL = 256 * 1024
"""Bytes searched at either end of a file, where writers put their XMP. According to the XMP
specification, Part 3, a scan finds it in any format."""

_MARKERS = (b"dc:description", b"tEXtDescription\0", b"iTXtDescription\0", b"zTXtDescription\0")
"""The bytes before a description in XMP and in PNG."""

_NOT_IN_XML = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow."""

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
    """Return a sidecar that names the guest, or None without a name or if it would hide something.

    In Immich a sidecar overrides the file's own metadata. A description in it would hide that of
    the file, so a file with a description (as far as limited reading can tell) gets no sidecar. A
    date in it would make Immich discard every date and time zone of the file, so it has none.
    Whatever the file contains, this does not raise.
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
