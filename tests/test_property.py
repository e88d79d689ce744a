"""Whatever the network does to an upload, the same bytes arrive."""

import hashlib
import itertools
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import Tus, patch_headers, sha1
from harness.wire import Response, chunked, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FRAMING = st.sampled_from(["length", "chunked"])
SERIAL = itertools.count()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A PATCH that comes through; `checksum` tells whether it has one, and the right one."""

    size: int
    framing: Literal["length", "chunked"]
    checksum: Literal["none", "right", "wrong"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A PATCH which the network ends after `size` bytes."""

    size: int
    framing: Literal["length", "chunked"]
    checked: bool
    how: Literal["fin", "reset", "silence"]


@dataclass(frozen=True, slots=True)
class Restart:
    """The product dies or stops, and is started again."""

    kill: bool


SIZES = st.one_of(st.integers(0, 300), st.integers(0, 400_000))
STEPS = st.lists(
    st.one_of(
        st.builds(Chunk, SIZES, FRAMING, st.sampled_from(["none", "right", "wrong"])),
        st.builds(Chunk, SIZES, FRAMING, st.just("none")),
        st.builds(Cut, SIZES, FRAMING, st.booleans(), st.sampled_from(["fin", "reset", "silence"])),
    ),
    max_size=8,
)
LIVES = st.lists(st.builds(Restart, st.booleans()), min_size=1, max_size=2)


class Journey:
    """One file on its way, and where the test knows it to stand."""

    def __init__(self, product: Product, data: bytes, *, named: bool, deferred: bool) -> None:
        self.product = product
        self.data = data
        self.offset = 0
        self.connections = ExitStack()
        known = {"sha1": hashlib.sha1(data).hexdigest()} if named else {}
        self.url = self.tus.create(None if deferred else len(data), **known)
        self.length = {"Upload-Length": str(len(data))} if deferred else {}

    @property
    def tus(self) -> Tus:
        return self.product.tus

    def take(self, step: Chunk | Cut | Restart) -> None:
        match step:
            case Chunk():
                self.send(step)
            case Cut():
                self.break_off(step)
            case Restart(kill=True):
                self.product.crash()
            case Restart():
                self.product.stop()
                self.product.start()
        assert self.tus.offset(self.url) == self.offset, step

    def send(self, step: Chunk) -> None:
        body = self.data[self.offset : self.offset + step.size]
        headers = dict(self.length)
        if step.checksum != "none":
            headers["Upload-Checksum"] = sha1(body if step.checksum == "right" else body + b"!")
        answer = self.patch(body, headers, step.framing)
        if step.checksum == "wrong":
            assert answer.status == 460
        else:
            assert answer.status == 204
            self.offset += len(body)
            assert answer["Upload-Offset"] == str(self.offset)

    def patch(self, body: bytes, headers: dict[str, str], framing: str) -> Response:
        if framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
            third = len(body) // 3 + 1
            body = chunked(*(body[at : at + third] for at in range(0, len(body), third)))
        return self.tus.patch(self.url, self.offset, body, **headers)

    def break_off(self, step: Cut) -> None:
        """Send part of the rest; its last byte always stays behind."""
        rest = self.data[self.offset :]
        body = rest[: min(step.size, len(rest) - 1)]
        headers = dict(self.length)
        if step.checked:
            headers["Upload-Checksum"] = sha1(rest)
        if step.framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
            sent = chunked(body, end=False) if body else b""
        else:
            headers["Content-Length"] = str(len(rest))
            sent = body
        connection = self.connections.enter_context(self.tus.connect())
        connection.send(request("PATCH", self.url, patch_headers(self.offset, **headers)) + sent)
        connection.settle()
        if step.how == "fin":
            connection.finish()
            connection.until_closed()
        elif step.how == "reset":
            connection.reset()
        if not step.checked:
            self.offset += len(body)

    def send_rest(self) -> None:
        rest = self.data[self.offset :]
        assert self.tus.patch(self.url, self.offset, rest, **self.length).status == 204


@pytest.mark.parametrize("restarts", [False, True])
def test_any_way_to_cut_a_file_brings_the_same_file(
    immich: Immich, tmp_path_factory: pytest.TempPathFactory, restarts: bool
) -> None:
    @settings(
        max_examples=6 if restarts else 120,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        steps=STEPS,
        lives=LIVES if restarts else st.just([]),
        size=st.one_of(st.integers(20, 400), st.integers(20, 1_000_000)),
        named=st.booleans(),
        deferred=st.booleans(),
    )
    def travel(
        steps: list[Chunk | Cut], lives: list[Restart], size: int, named: bool, deferred: bool
    ) -> None:
        serial = b"%d %d " % (restarts, next(SERIAL))
        data = (serial + hashlib.shake_128(serial).digest(size))[:size]
        journey = Journey(product, data, named=named, deferred=deferred)
        middle = len(steps) // 2
        with journey.connections:
            for step in [*steps[:middle], *lives, *steps[middle:]]:
                if journey.offset < len(data):
                    journey.take(step)
            if journey.offset < len(data):
                journey.send_rest()
        immich.wait_for(data)

    with running(tmp_path_factory.mktemp("property"), **immich.settings) as product:
        travel()
