"""Names that guests give: of files, and of themselves."""

import re
import unicodedata

NAME_BYTES = 255
"""Bytes of the longest name that every file system takes, and so Immich's."""

GUEST_LENGTH = 80
"""Characters of a guest's name that are kept."""

_MISLEADING = re.compile("[\u202a-\u202e\u2066-\u2069\u2028\u2029]")
"""Bidirectional overrides and line separators: they make one name look like another."""


def clean_name(raw: str) -> str:
    """Make a guest's file name harmless and keep it recognisable.

    The last component of a path, without control characters, in NFC, cut to NAME_BYTES with its
    extension kept. Empty when nothing is left.
    """
    name = _harmless(re.split(r"[/\\]", raw)[-1])
    if name in (".", ".."):
        return ""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > 16:
        stem, dot, extension = name, "", ""
    room = NAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension


def clean_guest(raw: str) -> str | None:
    """Make a guest's name harmless to show to the host; None when nothing is left."""
    return " ".join(_harmless(raw).split())[:GUEST_LENGTH].strip() or None


def _harmless(text: str) -> str:
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", _MISLEADING.sub("", text)).strip()


def extension_of(name: str) -> str:
    """Return the extension as Immich sees it: lower case with the dot, or empty.

    `.jpg` alone is a hidden file without an extension, to Node's `extname` as to us.
    """
    stem, dot, extension = name.rpartition(".")
    return (dot + extension).lower() if stem else ""
