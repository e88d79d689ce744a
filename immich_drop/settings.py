"""What the host may choose: one field per line of `.env.example`.

`.env.example` and README's table are held equal to it by a test.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from immich_drop import values

FORMER = {
    "PUBLIC_URL": "PUBLIC_BASE_URL",
    "DROP_PAGE": "PUBLIC_UPLOAD_PAGE_ENABLED",
    "TRUSTED_PROXIES": "TRUSTED_PROXY",
}
"""What keys were called in the older immich-drop."""


class SettingsError(ValueError):
    """Everything that is wrong with the settings, one sentence a line."""


def _setting(parse: Callable[[str], Any], default: str = "", *, secret: bool = False) -> Any:
    return field(metadata={"parse": parse, "default": default}, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every choice, parsed and checked; the key of a field is its name in capitals."""

    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """The keys that are not left to their defaults."""

    host: str = _setting(values.host, "0.0.0.0")
    port: int = _setting(values.port, "8080")
    immich_base_url: str = _setting(
        values.required(
            values.url("http://immich-server:2283/api"),
            "write Immich's address with /api, like http://immich-server:2283/api",
        )
    )
    immich_api_key: str = _setting(values.optional(values.key, ""), secret=True)
    immich_album_name: str = _setting(values.text)
    max_concurrent: int = _setting(values.up_to(100), "3")
    state_db: Path = _setting(values.path, "./data/state.db")
    spool_dir: Path | None = _setting(values.optional(values.path, None))
    max_file_size: int = _setting(values.some_size, "50GB")
    min_free_disk: int = _setting(values.size, "2GB")
    upload_expiration: timedelta = _setting(values.span, "48h")
    limit_creations_per_minute: int = _setting(values.number, "6000")
    limit_open_uploads: int = _setting(values.number, "1000")
    limit_session_bytes: int = _setting(values.size, "0")
    limit_connections: int = _setting(values.number, "1000")
    drop_title: str = _setting(values.text)
    drop_message: str = _setting(values.text)
    drop_page: bool = _setting(values.on_off, "on")
    link_revoked: str = _setting(values.choice("hold", "fallback"), "hold")
    guest_name: str = _setting(values.choice("off", "optional", "required"), "off")
    precheck: str = _setting(values.choice("off", "drop", "library"), "drop")
    public_url: str = _setting(values.optional(values.public_url, ""))
    trusted_proxies: tuple[values.Network, ...] = _setting(values.networks)
    base_path: str = _setting(values.base_path)
    notify_url: str = _setting(values.optional(values.notify_url, ""), secret=True)
    notify_daily: bool = _setting(values.switch, "false")
    metrics: bool = _setting(values.switch, "false")
    log_level: str = _setting(values.choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
    log_format: str = _setting(values.choice("text", "json"), "text")

    @property
    def spool(self) -> Path:
        """The folder of the bytes: SPOOL_DIR, or one beside the database."""
        return self.spool_dir or self.state_db.parent / "spool"

    @classmethod
    def from_env(cls, env: Mapping[str, str | None]) -> Self:
        """Read the settings from an environment; an empty value is no value.

        Raises SettingsError with all mistakes at once.
        """
        chosen: dict[str, Any] = {}
        mistakes: list[str] = []
        filled = {key: text.strip() for key, text in env.items() if text and text.strip()}
        written = {key: name for key in keys() for name in _names(key) if name in filled}
        for setting in _choices():
            key = setting.name.upper()
            name = written.get(key, key)
            try:
                text = filled.get(name, setting.metadata["default"])
                chosen[setting.name] = setting.metadata["parse"](text)
            except ValueError as error:
                mistakes.append(f"{name} {error}")
        mistakes += _contradictions(chosen)
        if mistakes:
            raise SettingsError("\n".join(mistakes))
        return cls(**chosen, written=frozenset(written))


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


def _contradictions(chosen: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with values that are right one by one; those that are not are missing."""
    if not chosen.get("immich_api_key") and chosen.get("link_revoked") == "fallback":
        yield "LINK_REVOKED is fallback, into the library of IMMICH_API_KEY: set one"
    url, path = chosen.get("public_url", ""), chosen.get("base_path", "")
    if url and not urlsplit(url).path.endswith(path):
        yield f"PUBLIC_URL must end in BASE_PATH, like https://drop.example{path}"
