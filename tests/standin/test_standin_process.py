"""What a stand-in holds outlives it, and another process can look at it and break it."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.request import Request, urlopen

import pytest
from standin_client import FORM, Client, form

from immich_drop.standin import StandIn


@pytest.mark.gen_test
async def test_a_new_stand_in_holds_what_the_old_one_did(standin: StandIn, client: Client) -> None:
    kept, trashed, gone = [await client.uploaded(name.encode(), f"{name}.jpg") for name in "abc"]
    album = await client.json("POST", "/albums", {"albumName": "A", "assetIds": [kept, gone]})
    empty = await client.json("POST", "/albums", {"albumName": "B"})
    shared = {"type": "ALBUM", "albumId": album["id"], "expiresAt": "2099-01-01T00:00:00Z"}
    await client.call("POST", "/shared-links", shared)
    await client.json("PUT", "/tags", {"tags": ["Party/Anna"]})
    await client.call("DELETE", "/assets", {"ids": [trashed]})
    await client.call("DELETE", "/assets", {"ids": [gone], "force": True})
    await client.call("DELETE", f"/albums/{empty['id']}")
    standin.run_jobs()
    (standin.library.incoming / "leftover").write_bytes(b"x")
    with (standin.library.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"asset": {"owner": "torn')

    again = StandIn(standin.library.folder)
    assert again.assets == standin.assets
    assert [(each.name, each.assets) for each in again.albums] == [("A", [kept])]
    assert again.library.links == standin.library.links
    assert again.library.tags == standin.library.tags
    assert [each.id for each in again.assets] == [kept, trashed]
    assert not any(again.library.incoming.iterdir())
    assert len((again.library.folder / "listing.tsv").read_text().splitlines()) == 3

    again.library.remove(again.assets[1])
    assert [each.id for each in StandIn(standin.library.folder).assets] == [kept]


class Process:
    """A stand-in in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "immich_drop.standin", "--folder", str(folder)]
        self.process = Popen([*command, *arguments], stdout=PIPE, text=True)
        assert self.process.stdout
        self.ready = json.loads(self.process.stdout.readline())

    def ask(self, method: str, url: str, body: Any = None, **headers: str) -> Any:
        """Send a request and read its JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with urlopen(Request(url, data, headers, method=method), timeout=5) as answer:
            return json.load(answer)

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """Look at it or change it."""
        return self.ask(method, f"{self.ready['control']}/{what}", body)

    def upload(self, data: bytes) -> Any:
        """Upload a file."""
        headers = {"x-api-key": self.ready["key"], "Content-Type": FORM}
        return self.ask("POST", self.ready["url"] + "/assets", form(data), **headers)

    def stop(self, how: signal.Signals) -> int:
        """End it and return its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(5)
        assert self.process.stdout
        self.process.stdout.close()
        return code


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """Start a stand-in."""
    process = Process(tmp_path, "--version", "3.2.2", "--key", "k", "--permission", "asset.upload")
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


def test_it_says_where_it_is_and_stops_when_told(process: Process) -> None:
    assert process.ready["key"] == "k"
    version = process.ask("GET", process.ready["url"] + "/server/version")
    assert (version["major"], version["minor"]) == (3, 2)
    key = process.ask("GET", process.ready["url"] + "/api-keys/me", **{"x-api-key": "k"})
    assert key["permissions"] == ["asset.upload"]
    assert process.stop(signal.SIGTERM) == 0


def test_it_is_looked_at_and_broken_from_outside(process: Process) -> None:
    fault = {"kind": "slow_answer", "seconds": 0.01}
    process.control("POST", "faults", [fault, {**fault, "match": "GET /none", "times": None}])
    asset = process.upload(b"x")["id"]
    state = process.control("GET", "state")
    assert [(each["id"], each["name"], each["size"]) for each in state["assets"]] == [
        (asset, "a.jpg", 1)
    ]
    assert [(each["name"], each["status"]) for each in state["exchanges"]] == [
        ("POST /assets", 201)
    ]
    assert [each["match"] for each in state["faults"]] == ["GET /none"]
    process.control("DELETE", "faults")
    assert process.control("GET", "state")["faults"] == []
    process.control("POST", "settings", {"maintenance": True})
    config = process.ask("GET", process.ready["url"] + "/server/config")
    assert config == {"maintenanceMode": True}


def test_accounts_and_links_are_made_from_outside(process: Process) -> None:
    anna = process.control("POST", "users", {"name": "Anna"})
    link = process.control(
        "POST",
        "links",
        {"album": "Wedding", "owner": "Anna", "expires_at": "2099-01-01T00:00:00Z"},
    )
    url = process.ready["url"]
    shared = process.ask("GET", f"{url}/shared-links/me?key={link['key']}")
    assert (shared["userId"], shared["expiresAt"]) == (anna["id"], "2099-01-01T00:00:00.000Z")
    body = json.dumps({"allowUpload": False}).encode()
    headers = {"x-api-key": anna["key"], "Content-Type": "application/json"}
    process.ask("PATCH", f"{url}/shared-links/{link['id']}", body, **headers)
    (shown,) = process.control("GET", "state")["links"]
    assert (shown["id"], shown["allow_upload"]) == (link["id"], False)
    mine = process.control("POST", "links", {"album": "Wedding"})
    assert mine["owner"] != anna["id"]


def test_it_goes_down_and_comes_back(process: Process) -> None:
    ping = process.ready["url"] + "/server/ping"
    process.control("POST", "down")
    with pytest.raises(OSError, match="refused"):
        process.ask("GET", ping)
    process.control("POST", "up")
    assert process.ask("GET", ping) == {"res": "pong"}


def test_killed_and_started_again_it_knows_its_assets(process: Process, tmp_path: Path) -> None:
    asset = process.upload(b"x")["id"]
    process.stop(signal.SIGKILL)
    again = Process(tmp_path)
    assert again.upload(b"x") == {"status": "duplicate", "id": asset}
    assert again.stop(signal.SIGTERM) == 0
