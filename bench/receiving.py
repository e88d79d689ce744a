"""Workloads of the receiving half: guests send, a server receives."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import Contestant, Running, running
from bench.load import Plan, to_json
from bench.meter import Figures, Meter
from bench.probe import Probe
from bench.process import free_port, started


class Failed(Exception):
    """A run failed, so it has no figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The files that guests send, all of one size."""

    files: int
    size: int
    """Bytes of each."""
    parallel: int
    ending: str = "jpg"
    relay: Path | None = None
    """The program that adds latency between guests and server; None: there is none."""

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return self.files * self.size


FAR = 20
"""Milliseconds one way through the relay."""


def receive(batch: Batch, contestant: Contestant, folder: Path, source: Path) -> Figures:
    """Let a contestant receive all files once. Raises Failed, NotReady."""
    with running(contestant.server, folder) as server, _way(batch, server, folder) as port:
        plan = Plan(
            port=port,
            path=contestant.server.path,
            source=str(source),
            files=batch.files,
            size=batch.size,
            parallel=batch.parallel,
            form=contestant.form,
            checksum=contestant.checksum,
            ending=batch.ending,
        )
        probe = Probe(server.port, contestant.server.probe)
        with probe, Meter(server.pid) as meter:
            seconds = send(plan)["seconds"]
    _check_kept(folder, batch)
    return Figures(
        seconds=seconds,
        size=batch.total,
        files=batch.files,
        cpu=meter.cpu,
        rss=meter.rss,
        p99=probe.p99,
        noise=meter.noise,
    )


def send(plan: Plan, module: str = "bench.load") -> dict[str, float]:
    """Carry out a plan in another process. Raises Failed."""
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, input=to_json(plan), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip()[-300:])
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@contextmanager
def _way(batch: Batch, server: Running, folder: Path) -> Iterator[int]:
    """Yield the port that guests connect to."""
    if batch.relay is None:
        yield server.port
        return
    port = free_port()
    command = [str(batch.relay), str(port), str(server.port), str(FAR)]
    with started(command, port=port, log=folder.with_suffix(".relay.log"), env={}):
        yield port


def _check_kept(folder: Path, batch: Batch) -> None:
    """Check that no bytes are missing: a server that loses some does not count as fast."""
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if kept < batch.total:
        raise Failed(f"{kept} bytes kept of {batch.total}")
