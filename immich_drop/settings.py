"""What the host may choose: one field per line of `.env.example`.

`.env.example` and README's table are held equal to it by a test.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

FORMER = {
    "PUBLIC_URL": "PUBLIC_BASE_URL",
    "DROP_PAGE": "PUBLIC_UPLOAD_PAGE_ENABLED",
    "TRUSTED_PROXIES": "TRUSTED_PROXY",
}
"""What keys were called in the older immich-drop."""

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


class SettingsError(ValueError):
    """Everything that is wrong with the settings, one sentence a line."""


def _text(text: str) -> str:
    return text


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ValueError("must be a whole number, like 3")
    return int(text)


def _positive(text: str) -> int:
    number = _number(text)
    if number < 1:
        raise ValueError("must be a whole number of at least 1")
    return number


def _host(text: str) -> str:
    """Take an IPv6 address as it stands in a URL, too."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _port(text: str) -> int:
    number = _number(text)
    if number > 65535:
        raise ValueError("must be a port from 1 to 65535, like 8080, or 0 for any that is free")
    return number


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    size = float(match[1]) * _SIZES[(match[2] or "").upper()] if match else LARGEST
    if size >= LARGEST:
        raise ValueError("must be a size, like 500MB or 50GB")
    return int(size)


def _some_size(text: str) -> int:
    size = _size(text)
    if size < 1:
        raise ValueError("must be a size, like 50GB: nothing fits into 0")
    return size


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    seconds = int(match[1]) * _SPANS[match[2].lower()] if match else 0
    if not 0 < seconds <= LONGEST:
        raise ValueError("must be a time, like 48h or 7d")
    return timedelta(seconds=seconds)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _on_off(text: str) -> bool:
    """Take all words that the older immich-drop has for them."""
    for words, on in ((("on", "true", "yes", "1"), True), (("off", "false", "no", "0"), False)):
        if text.lower() in words:
            return on
    raise ValueError("must be on or off")


def _url(like: str) -> Callable[[str], str]:
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


def _public_url(text: str) -> str:
    """Write it as browsers write theirs, which it is compared with."""
    parts = urlsplit(_url("https://drop.example")(text))
    host = (parts.hostname or "").rstrip(".")
    netloc = f"[{host}]" if ":" in host else host
    if parts.port not in (None, _PORTS[parts.scheme]):
        netloc = f"{netloc}:{parts.port}"
    return parts._replace(netloc=netloc).geturl()


def _notify_url(text: str) -> str:
    like = f"https://hook.example or {NTFY}https://…/topic"
    if _split(text.removeprefix(NTFY), like) is None:
        raise ValueError(f"must be an address, like {like}")
    return text


def _key(text: str) -> str:
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be the key as Immich shows it, without spaces or other signs")
    return text


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ of a user there is not
        raise ValueError("must be a path, like ./data/state.db") from None


def _base_path(text: str) -> str:
    path = text.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", path, re.ASCII) or ".." in path:
        raise ValueError("must be a path, like /drop")
    return f"/{path}" if path else ""


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part)
    except ValueError:
        raise ValueError("must be addresses or networks, like 127.0.0.1, 172.16.0.0/12") from None


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def _optional(parse: Callable[[str], Any], otherwise: object) -> Callable[[str], Any]:
    return lambda text: parse(text) if text else otherwise


def _required(parse: Callable[[str], Any], advice: str) -> Callable[[str], Any]:
    def parse_or_complain(text: str) -> Any:
        if not text:
            raise ValueError(f"is missing: {advice}")
        return parse(text)

    return parse_or_complain


def _setting(parse: Callable[[str], Any], default: str = "", *, secret: bool = False) -> Any:
    return field(metadata={"parse": parse, "default": default}, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every choice, parsed and checked; the key of a field is its name in capitals."""

    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """The keys that are not left to their defaults."""

    host: str = _setting(_host, "0.0.0.0")
    port: int = _setting(_port, "8080")
    immich_base_url: str = _setting(
        _required(
            _url("http://immich-server:2283/api"),
            "write Immich's address with /api, like http://immich-server:2283/api",
        )
    )
    immich_api_key: str = _setting(_optional(_key, ""), secret=True)
    immich_album_name: str = _setting(_text)
    max_concurrent: int = _setting(_positive, "3")
    state_db: Path = _setting(_path, "./data/state.db")
    spool_dir: Path | None = _setting(_optional(_path, None))
    max_file_size: int = _setting(_some_size, "50GB")
    min_free_disk: int = _setting(_size, "2GB")
    upload_expiration: timedelta = _setting(_span, "48h")
    limit_creations_per_minute: int = _setting(_number, "6000")
    limit_open_uploads: int = _setting(_number, "1000")
    limit_session_bytes: int = _setting(_size, "0")
    limit_connections: int = _setting(_number, "1000")
    drop_title: str = _setting(_text)
    drop_message: str = _setting(_text)
    drop_page: bool = _setting(_on_off, "on")
    link_revoked: str = _setting(_choice("hold", "fallback"), "hold")
    guest_name: str = _setting(_choice("off", "optional", "required"), "off")
    precheck: str = _setting(_choice("off", "drop", "library"), "drop")
    public_url: str = _setting(_optional(_public_url, ""))
    trusted_proxies: tuple[Network, ...] = _setting(_networks)
    base_path: str = _setting(_base_path)
    notify_url: str = _setting(_optional(_notify_url, ""), secret=True)
    notify_daily: bool = _setting(_switch, "false")
    metrics: bool = _setting(_switch, "false")
    log_level: str = _setting(_choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
    log_format: str = _setting(_choice("text", "json"), "text")

    @property
    def spool(self) -> Path:
        """The folder of the bytes: SPOOL_DIR, or one beside the database."""
        return self.spool_dir or self.state_db.parent / "spool"

    @classmethod
    def from_env(cls, env: Mapping[str, str | None]) -> Self:
        """Read the settings from an environment; an empty value is no value.

        Raises SettingsError with all mistakes at once.
        """
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        filled = {key: text.strip() for key, text in env.items() if text and text.strip()}
        written = {key: name for key in keys() for name in _names(key) if name in filled}
        for setting in _choices():
            key = setting.name.upper()
            name = written.get(key, key)
            try:
                text = filled.get(name, setting.metadata["default"])
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as error:
                mistakes.append(f"{name} {error}")
        mistakes += _contradictions(values)
        if mistakes:
            raise SettingsError("\n".join(mistakes))
        return cls(**values, written=frozenset(written))


def keys() -> dict[str, str]:
    """Return every key with its default, as `.env.example` and README's table list them."""
    return {setting.name.upper(): setting.metadata["default"] for setting in _choices()}


def _choices() -> list[Field[Any]]:
    return [setting for setting in fields(Settings) if setting.metadata]


def _names(key: str) -> Iterator[str]:
    """Yield what a key may be called; the last counts."""
    if key in FORMER:
        yield FORMER[key]
    yield key


def _contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with values that are right one by one; those that are not are missing."""
    if not values.get("immich_api_key") and values.get("link_revoked") == "fallback":
        yield "LINK_REVOKED is fallback, into the library of IMMICH_API_KEY: set one"
    url, path = values.get("public_url", ""), values.get("base_path", "")
    if url and not urlsplit(url).path.endswith(path):
        yield f"PUBLIC_URL must end in BASE_PATH, like https://drop.example{path}"
