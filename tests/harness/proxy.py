"""A reverse proxy from Debian in front of products, configured by an example in `deploy/`."""

import getpass
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.process import Process
from harness.wait import until

DEPLOY = Path(__file__).parents[2] / "deploy"
PROXY = "127.0.0.1"


def change(text: str, *changes: tuple[str, str]) -> str:
    """Make replacements in an example; fails if the example lacks one of the texts to replace."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, site: str) -> list[str]:
    """Write a complete configuration around that of a site; return the command that runs it."""
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"user {getpass.getuser()};\n"
        f"pid {folder / 'pid'};\n"
        "error_log stderr;\n"
        "events {}\n"
        f"http {{\naccess_log off;\n{temporary}{site}}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


@contextmanager
def serving(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    """Run a proxy and wait until it listens on `port`; at the end it must stop cleanly."""
    env = {"PATH": "/usr/sbin:/usr/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    process = Process(command, env=env, cwd=folder)
    try:
        until(lambda: listens(port) or not process.alive(), "the proxy to listen")
        assert process.alive(), process.log
        yield
        assert process.stop() == 0, process.log
    finally:
        process.kill()


def free_port() -> int:
    with socket.create_server((PROXY, 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    try:
        socket.create_connection((PROXY, port), 1).close()
    except OSError:
        return False
    return True
