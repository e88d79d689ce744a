"""The files of the page, prepared for serving, at addresses that change with their content.

A document is requested at each visit and refers to scripts and styles as `v-<digest>/…`, which
browsers cache for good. So a second visit costs one request, and an update never mixes an old
module with a new one. There is no build step: the modules of each document are joined when the
server starts (see `bundle`), and comments and indentation, which are for readers of `web/`, are not
sent.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from immich_drop.bundle import join

_REFERENCE = re.compile(r'(<(?:script|link)[^>]*\s(?:src|href)=")((?:[\w-]+/)*[\w-]+\.(?:js|css))"')
_ENTRY = re.compile(r'<script[^>]*\ssrc="js/([\w-]+\.js)"')
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)
# After code, only if no quote follows on the line, so that no string is ever changed.
_REMARK = re.compile(r"""[ \t]+//[^\n"'`]*$|/\*\* @type [^*\n"'`]*\*/ ?""", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)

_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    body: bytes
    zipped: bytes | None
    """The body compressed with gzip; None where that is no smaller."""
    content_type: str
    etag: str


class Site:
    """The files of `web/`, read once."""

    def __init__(self, folder: Path) -> None:
        files = {
            path.relative_to(folder).as_posix(): _strip(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        digest = hashlib.sha256(b"".join(name.encode() + body for name, body in files.items()))
        self.version = f"v-{digest.hexdigest()[:12]}"
        """First component of the addresses that browsers may cache for good."""
        finished: dict[str, bytes] = {}
        for name in files:
            if name.endswith(".html"):
                finished |= self._finish(name, files)
        self._assets = {name: _make_asset(name, body) for name, body in (files | finished).items()}

    def _finish(self, name: str, files: dict[str, bytes]) -> dict[str, bytes]:
        """Join the modules of a document, and make it refer to them by version."""
        html = files[name].decode()
        joined = {
            f"js/{entry}": join(entry, lambda module: files[f"js/{module}"].decode()).encode()
            for entry in _ENTRY.findall(html)
        }
        return joined | {name: _REFERENCE.sub(rf'\1{self.version}/\2"', html).encode()}

    def find(self, name: str) -> Asset | None:
        """Return a file of the page, None if there is none."""
        return self._assets.get(name)


def _strip(path: Path) -> bytes:
    body = path.read_bytes()
    if path.suffix not in (".js", ".css"):
        return body
    return _INDENT.sub("", _REMARK.sub("", _COMMENT.sub("", body.decode()))).encode()


def _make_asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    zipped = gzip.compress(body, 9, mtime=0)
    return Asset(
        body=body,
        zipped=zipped if len(zipped) < len(body) else None,
        content_type=content_type,
        etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"',
    )
