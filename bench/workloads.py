"""What is measured: each workload, its sizes at full scale, and who takes part."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.contestants import Contestant, all_of, running
from bench.forwarding import curl, forward, send_only, whole_way
from bench.load import CHUNK, Plan
from bench.meter import Figures, Meter
from bench.phones import RATE
from bench.probe import Probe
from bench.receiving import Batch, receive, send
from bench.resume import resume
from bench.tools import Tools

MB = 1_000_000
FILM = 4000 * MB
"""Bytes of a large file. It is forwarded whole, as a second is little enough to measure."""

Trial = Callable[[Path, Path], Figures]
"""Runs once, in an empty folder and with the file that all bytes come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of load, and the contestants measured under it."""

    name: str
    title: str
    trials: Mapping[str, Trial]
    yardstick: str
    """The contestant whose speed is 1."""
    rounds: int | None = None
    """How many rounds, if not as many as the command line says."""

    def among(self, names: Collection[str] | None) -> "Workload":
        """Leave out contestants that are not in `names`, except the yardstick."""
        chosen = {*(names or self.trials), self.yardstick}
        trials = {name: trial for name, trial in self.trials.items() if name in chosen}
        return replace(self, trials=trials)


PEERS = ("nginx", "copyparty", "tuspyserver", "aiohttp-tus", "@tus/server")
YARDSTICKS = ("sink", "sink, sync")
BIG = ("drop", "drop, no sync", "drop, sha1", "drop, 8 MiB", "drop, 8 MiB, sha1")
MANY = ("drop", "drop, no sync", "drop, sha1", "drop, creation", "drop, creation, sha1")


def all_workloads(tools: Tools, scale: float) -> list[Workload]:
    """Return every workload, at `scale` times its full size."""
    field = all_of(tools)

    def taking(name: str, title: str, batch: Batch, names: Iterable[str]) -> Workload:
        trials = {n: partial(receive, batch, field[n]) for n in names if n in field}
        return Workload(name=name, title=title, trials=trials, yardstick="sink")

    big = max(4 * CHUNK, int(FILM * scale))
    film = Batch(files=1, size=big, parallel=1, ending="mp4")
    films = Batch(files=8, size=big // 8, parallel=8, ending="mp4")
    photos = Batch(files=max(12, int(300 * scale)), size=3 * MB, parallel=6)
    small = Batch(files=max(24, int(2000 * scale)), size=100_000, parallel=6)
    many = (*YARDSTICKS, *MANY, "drop, no sync, creation")
    found = [
        taking("big", _title(film), film, (*YARDSTICKS, *BIG, *PEERS)),
        taking("eight", _title(films), films, (*YARDSTICKS, "drop", "drop, no sync", *PEERS)),
        taking("photos", _title(photos), photos, (*many, *PEERS)),
        taking("small", _title(small), small, (*many, *PEERS)),
        _phones(field, max(6, int(20 * scale))),
        _whole("whole-big", film),
        _whole("whole-photos", photos),
        _forwarding("forward-big", replace(film, size=FILM), 0.0),
        _forwarding("forward-small", small, 0.02),
        _resume(big),
    ]
    if "relay" in tools.found:
        far = Batch(files=photos.files, size=3 * MB, parallel=6, relay=tools.found["relay"])
        names = ("sink", "drop", "drop, creation", "drop, 8 MiB", *PEERS)
        found.insert(3, taking("far", f"{_title(far)}, 40 ms away", far, names))
    return found


def _title(batch: Batch) -> str:
    size = f"{batch.size / MB:.0f} MB" if batch.size >= MB else f"{batch.size / 1000:.0f} kB"
    many = f"{batch.files} files of {size}, {batch.parallel} at a time"
    return f"a file of {size}" if batch.files == 1 else many


def _phones(field: Mapping[str, Contestant], seconds: int) -> Workload:
    names = ("sink", "drop", *PEERS)
    # aiohttp-tus can only read a PATCH into memory; in this workload we accept that.
    trials = {n: partial(_crowd, field[n], seconds) for n in names if n in field}
    title = f"500 phones with 1 Mbit/s each, for {seconds} s"
    return Workload(name="phones", title=title, trials=trials, yardstick="sink", rounds=1)


def _crowd(contestant: Contestant, seconds: int, folder: Path, source: Path) -> Figures:
    """Let 500 phones send at their own pace."""
    with running(contestant.server, folder) as server:
        plan = Plan(
            port=server.port,
            path=contestant.server.path,
            source=str(source),
            files=500,
            size=RATE * seconds,
            parallel=500,
            form=contestant.form,
        )
        probe = Probe(server.port, contestant.server.probe)
        with probe, Meter(server.pid) as meter:
            sent = send(plan, "bench.phones")
    return Figures(
        seconds=sent["seconds"],
        size=500 * plan.size,
        files=500,
        cpu=meter.cpu,
        rss=meter.rss,
        p99=probe.p99,
        noise=meter.noise,
        more={"late s": sent["late"]},
    )


def _whole(name: str, batch: Batch) -> Workload:
    trials: dict[str, Trial] = {
        "curl": partial(curl, batch),
        "drop": partial(whole_way, batch, "patch"),
    }
    title = f"{_title(batch)}: from the last byte received until all is in Immich"
    return Workload(name=name, title=title, trials=trials, yardstick="curl")


def _forwarding(name: str, batch: Batch, service: float) -> Workload:
    trials: dict[str, Trial] = {
        "sendfile": partial(send_only, batch, service),
        "drop": partial(forward, batch, service),
        "drop, asked": partial(forward, batch, service, asked=True),
    }
    wait = f", {service * 1000:.0f} ms of work each" if service else ""
    title = f"{_title(batch)}: from the spool to a server that throws it away{wait}"
    return Workload(name=name, title=title, trials=trials, yardstick="sendfile")


def _resume(size: int) -> Workload:
    trials: dict[str, Trial] = {"drop": partial(resume, size)}
    title = f"half of {size / MB:.0f} MB is there, the server is killed and comes back"
    return Workload(name="resume", title=title, trials=trials, yardstick="drop")
