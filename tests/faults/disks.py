"""Small disks of one's own, which fill up, turn read-only and fail; only root may make them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.wait import until

may_mount = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a disk"
)
has_strace = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"), reason="strace is not there, or not allowed"
)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def memory_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount so much memory at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no mounting here: {error.stderr!r}")
    try:
        yield folder
    finally:
        run("umount", "-l", str(folder))


@contextmanager
def filled(folder: Path, *, leave: int) -> Iterator[None]:
    """Let others fill the disk until so many bytes are left."""
    filler = folder / "somebody-elses.bin"
    size = shutil.disk_usage(folder).free - leave
    filler.write_bytes(bytes(size))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def tampered(pid: int, what: str) -> Iterator[None]:
    """Let system calls of a process fail or take long, as strace(1) writes it."""
    call = what.partition(":")[0]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid)]
    tracer = subprocess.Popen(
        [*command, "-e", f"trace={call}", "-e", f"inject={what}"], stderr=subprocess.PIPE
    )
    try:
        _attached(pid, tracer)
        yield
    finally:
        tracer.terminate()
        tracer.communicate(timeout=10)


def _attached(pid: int, tracer: "subprocess.Popen[bytes]") -> None:
    def traced() -> bool:
        if tracer.poll() is not None:
            pytest.skip("no tracing here")
        threads = (Path("/proc") / str(pid) / "task").iterdir()
        return all("TracerPid:\t0" not in (each / "status").read_text() for each in threads)

    until(traced, "strace to attach")
