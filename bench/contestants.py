"""The servers compared: ours, the yardstick in C, and those of others."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Form
from bench.process import free_port, started
from bench.tools import HERE, Tools

ROOT = HERE.parent

Command = Callable[[int, Path], list[str]]
"""Returns a server's command line for a port and a folder for its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How to run a server, and how to send requests to it."""

    name: str
    command: Command
    path: str
    """Where uploads are created."""
    probe: str = "/"
    """A small request that anybody may make: its path, after its method unless that is GET."""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running server that listens."""

    server: Server
    port: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server receiving uploads in one of the forms it supports."""

    name: str
    server: Server
    form: Form
    checksum: bool = False


@contextmanager
def running(
    server: Server, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run a server that stores its files in `folder`. Raises NotReady."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    command = server.command(port, folder)
    own = {key: value.format(port=port, folder=folder) for key, value in server.env.items()}
    log = folder.with_suffix(".log")
    with started(command, port=port, log=log, env={**own, **(env or {})}) as process:
        yield Running(server=server, port=port, pid=process.pid)


def ours(nosync: Path | None = None) -> Server:
    """Return our own server, with an Immich that is down, so that only receiving is measured."""
    env = {
        "HOST": "127.0.0.1",
        "PORT": "{port}",
        "STATE_DB": "{folder}/state.db",
        "SPOOL_DIR": "{folder}/spool",
        "IMMICH_BASE_URL": "http://127.0.0.1:9/api",
        "IMMICH_API_KEY": "none",
        "LIMIT_CREATIONS_PER_MINUTE": "0",
        "LIMIT_OPEN_UPLOADS": "0",
        "MIN_FREE_DISK": "1GB",
        "LOG_LEVEL": "WARNING",
    }
    if nosync:
        env["LD_PRELOAD"] = str(nosync)
    return Server(
        name="drop",
        command=lambda _port, _folder: [sys.executable, str(ROOT / "server.py")],
        path="/files/",
        probe="/healthz",
        env=env,
    )


def sink(binary: Path, *, sync: bool) -> Server:
    """Return the yardstick, the C program in `native/sink.c`."""
    closing = ["sync"] if sync else []
    return Server(
        name="sink",
        command=lambda port, folder: [str(binary), str(port), str(folder), *closing],
        path="/",
    )


def nginx(binary: Path) -> Server:
    """Return nginx with its WebDAV module, which does not hash."""

    def command(port: int, folder: Path) -> list[str]:
        text = (HERE / "peers" / "nginx.conf").read_text()
        conf = folder / "nginx.conf"
        conf.write_text(text.replace("PORT", str(port)).replace("FOLDER", str(folder)))
        return [str(binary), "-p", str(folder), "-c", str(conf)]

    return Server(name="nginx", command=command, path="/", probe="/ok")


def copyparty(python: Path) -> Server:
    """Return copyparty, which hashes as we do."""

    def command(port: int, folder: Path) -> list[str]:
        share = ["-i", "127.0.0.1", "-p", str(port), "-v", f"{folder}::rw", "--put-ck", "sha1"]
        return [str(python), "-m", "copyparty", "-q", "--no-scandir", *share]

    return Server(name="copyparty", command=command, path="/", probe="/?reset=/._")


def python_app(name: str, python: Path) -> Server:
    """Return a tus server built with a Python library."""
    script = str(HERE / "peers" / f"{name}_app.py")
    return Server(
        name=name,
        command=lambda port, folder: [str(python), script, str(port), str(folder)],
        path="/files/" if name == "tuspyserver" else "/files",
        probe="OPTIONS /files/" if name == "tuspyserver" else "OPTIONS /files",
    )


def tus_node(script: Path) -> Server:
    """Return @tus/server on Node, from the tus project itself."""
    return Server(
        name="@tus/server",
        command=lambda port, folder: ["node", str(script), str(port), str(folder)],
        path="/files",
        probe="OPTIONS /files",
    )


def all_of(tools: Tools) -> dict[str, Contestant]:
    """Return every contestant whose tools are available, by name; "sink" comes first."""
    found = tools.found
    contestants: list[Contestant] = []

    def add(name: str, server: Server, form: Form, *, checksum: bool = False) -> None:
        contestants.append(Contestant(name=name, server=server, form=form, checksum=checksum))

    if "sink" in found:
        add("sink", sink(found["sink"], sync=False), "put")
        add("sink, sync", sink(found["sink"], sync=True), "put")
        unsynced = ours(found["nosync"])
        add("drop, no sync", unsynced, "patch")
        add("drop, no sync, creation", unsynced, "creation")
    add("drop", ours(), "patch")
    add("drop, sha1", ours(), "patch", checksum=True)
    add("drop, 8 MiB", ours(), "chunks")
    add("drop, 8 MiB, sha1", ours(), "chunks", checksum=True)
    add("drop, creation", ours(), "creation")
    add("drop, creation, sha1", ours(), "creation", checksum=True)
    if "nginx" in found:
        add("nginx", nginx(found["nginx"]), "put")
    if "python" in found:
        add("copyparty", copyparty(found["python"]), "put")
        add("tuspyserver", python_app("tuspyserver", found["python"]), "patch")
        # It reads a whole PATCH into memory, so chunks of 8 MiB are its best case.
        add("aiohttp-tus", python_app("aiohttp_tus", found["python"]), "chunks")
    if "tus_node" in found:
        add("@tus/server", tus_node(found["tus_node"]), "patch")
    return {contestant.name: contestant for contestant in contestants}
