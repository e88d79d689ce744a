"""The Immich stand-in in its own process: what it received, and how it misbehaves."""

import hashlib
import http.client
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from harness.process import Process
from harness.wait import until

READY = re.compile(r"^\{.*\}$", re.MULTILINE)
ROOT = Path(__file__).parents[2]

VERSIONS = [(1, 106, 0), (2, 7, 5), (3, 2, 2)]
"""The oldest version, the stand-in's default, and the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One photo or video as Immich stores it."""

    name: str
    id: str
    created_at: datetime
    owner: str
    """Id of the user."""
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A shared link and its owner."""

    id: str
    key: str
    album: str
    owner: str
    """The ids of the album and of the user."""
    api_key: str | None
    """The owner's key; None: the key in `settings`, which the product may have."""


class Immich:
    """A running stand-in that stores what it receives in `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = Process(
            [sys.executable, "-m", "immich_drop.standin", "--folder", str(folder), *arguments],
            env={"PATH": "", "LANG": "C.UTF-8"},
            cwd=ROOT,
        )
        ready = json.loads(self.process.wait_for(READY)[0])
        self.settings: dict[str, str] = {
            "IMMICH_BASE_URL": ready["url"],
            "IMMICH_API_KEY": ready["key"],
        }
        """The settings that make a product use it."""
        self._control_url = urlsplit(ready["control"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()

    @property
    def keyless(self) -> dict[str, str]:
        """The settings of a product without an API key."""
        return {"IMMICH_BASE_URL": self.settings["IMMICH_BASE_URL"]}

    def assets(self, data: bytes) -> list[Asset]:
        """Return the assets with exactly these bytes."""
        sha1 = hashlib.sha1(data).hexdigest()
        if sha1 not in (self.folder / "listing.tsv").read_text("utf-8"):
            return []
        rows = self.control("GET", "state")["assets"]
        return [
            Asset(
                name=row["name"],
                id=row["id"],
                created_at=datetime.fromisoformat(row["created_at"]),
                owner=row["owner"],
                description=row["description"],
            )
            for row in rows
            if row["checksum"] == sha1
        ]

    def album(self, album_id: str) -> list[str]:
        """Return the ids of the assets in an album."""
        albums = self.control("GET", "state")["albums"]
        return next(list(each["assets"]) for each in albums if each["id"] == album_id)

    def requests(self, name: str) -> int:
        """Return how many requests `METHOD /path` there were."""
        exchanges = self.control("GET", "state")["exchanges"]
        return sum(each["name"] == name for each in exchanges)

    def wait_for(self, data: bytes, *, or_else: bytes | None = None) -> Asset:
        """Wait for the only asset with these bytes (or those of `or_else`), and return it."""
        wanted = [data] if or_else is None else [data, or_else]
        found = until(
            lambda: [asset for each in wanted for asset in self.assets(each)],
            f"{len(data)} bytes in Immich",
        )
        assert len(found) == 1, found
        return found[0]

    def delete(self, asset: Asset) -> None:
        """Delete an asset for good, as its owner."""
        self.ask("DELETE", "/assets", {"ids": [asset.id], "force": True})

    def share(self, album: str, **options: Any) -> Link:
        """Share an album by a link, as its owner (see `StandIn.make_link`).

        `owner` names a user other than the one whose API key is in `settings`.
        """
        made = self.control("POST", "links", {"album": album, **options})
        owner = options.get("owner")
        key = self.control("POST", "users", {"name": owner})["key"] if owner else None
        return Link(
            id=made["id"],
            key=made["key"],
            album=made["album"],
            owner=made["owner"],
            api_key=key,
        )

    def change(self, link: Link, **changes: Any) -> None:
        """Change a link as its owner, with Immich's names: `allowUpload`, `expiresAt`, ..."""
        self.ask("PATCH", f"/shared-links/{link.id}", changes, link.api_key)

    def revoke(self, link: Link) -> None:
        """Delete a link, as its owner."""
        self.ask("DELETE", f"/shared-links/{link.id}", None, link.api_key)

    def ask(self, method: str, path: str, body: object, key: str | None = None) -> None:
        """Call Immich's own API."""
        url = urlsplit(self.settings["IMMICH_BASE_URL"])
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=10)
        headers = {
            "x-api-key": key or self.settings["IMMICH_API_KEY"],
            "Content-Type": "application/json",
        }
        connection.request(method, f"{url.path}{path}", json.dumps(body), headers)
        assert connection.getresponse().status in {200, 204}
        connection.close()

    def under_way(self) -> bool:
        """Tell whether an asset is being received."""
        return any((self.folder / ".incoming").iterdir())

    @contextmanager
    def fault(self, kind: str, **options: Any) -> Iterator[None]:
        """Misbehave in this way until the block ends (see `standin.faults`)."""
        self.control("POST", "faults", [{"kind": kind, **options}])
        try:
            yield
        finally:
            self.control("DELETE", "faults")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Answer nothing until the block ends."""
        with self.fault("hang_body", match=".*", times=None):
            yield

    def control(self, method: str, what: str, body: object = None) -> Any:
        """Inspect the stand-in, or change it (see `standin.control`)."""
        where = self._control_url
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
        try:
            connection.request(method, f"{where.path}/{what}", json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text or b"null")
        finally:
            connection.close()
