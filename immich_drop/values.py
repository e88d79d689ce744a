"""What the text of a setting means; what it cannot mean is a ValueError that says what to write."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

NTFY = "ntfy+"
"""Prefix of a NOTIFY_URL that gets plain text, as ntfy takes it, in place of JSON."""

Network = IPv4Network | IPv6Network

_VISIBLE = re.compile("[!-~]+")
"""What may stand in a line of HTTP."""

_PORTS = {"http": 80, "https": 443}
"""Those that an address does not have to name."""

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB|TB)?", re.IGNORECASE | re.ASCII)
_SIZES = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_SPAN = re.compile(r"([0-9]+)\s*(s|m|h|d)", re.IGNORECASE | re.ASCII)
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

LARGEST = 1e18
"""Bytes: what fits into a column of SQLite, by far."""

LONGEST = 10 * 365 * 86400
"""Seconds: added to any date there is, it is still a date."""


def text(text: str) -> str:
    """Take it as it is."""
    return text


def number(text: str) -> int:
    """Take a whole number of at most nine digits."""
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ValueError("must be a whole number, like 3")
    return int(text)


def up_to(most: int) -> Callable[[str], int]:
    """Make what takes a whole number from 1 to `most`."""

    def read(text: str) -> int:
        count = number(text)
        if not 1 <= count <= most:
            raise ValueError(f"must be a whole number from 1 to {most}")
        return count

    return read


def host(text: str) -> str:
    """Take an IPv6 address as it stands in a URL, too."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def port(text: str) -> int:
    """Take the number of a port; 0 is any that is free."""
    found = number(text)
    if found > 65535:
        raise ValueError("must be a port from 1 to 65535, like 8080, or 0 for any that is free")
    return found


def size(text: str) -> int:
    """Return bytes."""
    match = _SIZE.fullmatch(text)
    count = float(match[1]) * _SIZES[(match[2] or "").upper()] if match else LARGEST
    if count >= LARGEST:
        raise ValueError("must be a size, like 500MB or 50GB")
    return int(count)


def some_size(text: str) -> int:
    """Return bytes, of which there must be some."""
    count = size(text)
    if count < 1:
        raise ValueError("must be a size, like 50GB: nothing fits into 0")
    return count


def span(text: str) -> timedelta:
    """Take a time that is not endless."""
    match = _SPAN.fullmatch(text)
    seconds = int(match[1]) * _SPANS[match[2].lower()] if match else 0
    if not 0 < seconds <= LONGEST:
        raise ValueError("must be a time, like 48h or 7d")
    return timedelta(seconds=seconds)


def switch(text: str) -> bool:
    """Take true or false."""
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def on_off(text: str) -> bool:
    """Take all words that the older immich-drop has for them."""
    for words, on in ((("on", "true", "yes", "1"), True), (("off", "false", "no", "0"), False)):
        if text.lower() in words:
            return on
    raise ValueError("must be on or off")


def url(like: str) -> Callable[[str], str]:
    """Make what takes a web address and returns it without a slash at the end."""

    def parse(text: str) -> str:
        if _split(text, like) is None or "?" in text:
            raise ValueError(f"must be an address, like {like}")
        return text.rstrip("/")

    return parse


def _split(text: str, like: str) -> SplitResult | None:
    """Split a web address in plain ASCII: müller has to be written xn--mller-kva.

    Returns None when it is none, and raises ValueError for a user name in it.
    """
    try:
        parts = urlsplit(text)
        named = (parts.hostname or "").rstrip(".").encode("idna") and parts.port != 0
    except ValueError:  # of a port, of an address in brackets, of a name that can be none
        return None
    if "@" in parts.netloc:
        raise ValueError(f"must be an address without a user name or password, like {like}")
    plain = _VISIBLE.fullmatch(text) and "#" not in text
    return parts if parts.scheme in _PORTS and named and plain else None


def public_url(text: str) -> str:
    """Write it as browsers write theirs, which it is compared with."""
    parts = urlsplit(url("https://drop.example")(text))
    name = (parts.hostname or "").rstrip(".")
    netloc = f"[{name}]" if ":" in name else name
    if parts.port not in (None, _PORTS[parts.scheme]):
        netloc = f"{netloc}:{parts.port}"
    return parts._replace(netloc=netloc).geturl()


def notify_url(text: str) -> str:
    """Take the address of a webhook, or of a topic of ntfy."""
    like = f"https://hook.example or {NTFY}https://…/topic"
    if _split(text.removeprefix(NTFY), like) is None:
        raise ValueError(f"must be an address, like {like}")
    return text


def key(text: str) -> str:
    """Take an API key."""
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be the key as Immich shows it, without spaces or other signs")
    return text


def path(text: str) -> Path:
    """Take a path, also in a home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ of a user there is not
        raise ValueError("must be a path, like ./data/state.db") from None


def base_path(text: str) -> str:
    """Return the path of a site with a slash in front and none behind; empty for its root."""
    inner = text.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", inner, re.ASCII) or ".." in inner:
        raise ValueError("must be a path, like /drop")
    if inner == "files":
        raise ValueError("must be another path: there, uploads have their addresses")
    return f"/{inner}" if inner else ""


def networks(text: str) -> tuple[Network, ...]:
    """Take addresses and networks with commas between them."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part)
    except ValueError:
        raise ValueError("must be addresses or networks, like 127.0.0.1, 172.16.0.0/12") from None


def choice(*choices: str) -> Callable[[str], str]:
    """Make what takes one of several words."""

    def parse(text: str) -> str:
        for each in choices:
            if text.lower() == each.lower():
                return each
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def optional(parse: Callable[[str], Any], otherwise: object) -> Callable[[str], Any]:
    """Let an empty text mean something else."""
    return lambda text: parse(text) if text else otherwise


def required(parse: Callable[[str], Any], advice: str) -> Callable[[str], Any]:
    """Let no text be empty."""

    def parse_or_complain(text: str) -> Any:
        if not text:
            raise ValueError(f"is missing: {advice}")
        return parse(text)

    return parse_or_complain
