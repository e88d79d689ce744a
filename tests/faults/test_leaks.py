"""After every way in which a request can end, nothing of it is left in the process."""

import asyncio
import gc
import os
from pathlib import Path

from attack.impatient import Running, impatient_app
from harness.immich import Immich
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers
from harness.wait import until
from harness.websocket import WebSocket
from harness.wire import chunked, request


def ends_in_every_way(tus: Tus, session: str) -> None:
    url = tus.create(100_000, session=session, item=os.urandom(8).hex())
    headers = patch_headers(0, **{"Content-Length": "100000"})
    for end in ("reset", "close", "silence"):
        connection = tus.connect()
        connection.send(request("PATCH", url, headers) + b"x" * 70_000)
        if end != "silence":
            connection.settle()
        connection.reset() if end == "reset" else connection.close()
    with tus.connect() as connection:
        coded = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        connection.send(request("PATCH", url, coded) + chunked(b"x" * 1000, end=False))
    with tus.connect() as connection:
        refused = VERSION | {"Content-Type": OCTETS, "Upload-Length": "9", "Content-Length": "9"}
        refused["Upload-Metadata"] = metadata(filename="a.exe")
        connection.send(request("POST", "/files/", refused) + b"1234")
        assert connection.response().status == 415
    with WebSocket(tus.address) as page:
        page.say({"session": session})
        page.hear()
    with WebSocket(tus.address):
        pass
    tus.delete(url)


def held(running: Running) -> tuple[int, int]:
    """Count the tasks and the open files of this process, which has the drop in it."""

    async def count() -> int:
        gc.collect()
        return len(asyncio.all_tasks())

    tasks = asyncio.run_coroutine_threadsafe(count(), running.loop).result(5)
    return tasks, len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left(immich: Immich, tmp_path: Path, session: str) -> None:
    with impatient_app(tmp_path, immich.settings) as running:
        tus = Tus(running.address)
        ends_in_every_way(tus, session)
        tus.upload(b"warm")
        immich.wait_for(b"warm")
        until(lambda: held(running) == held(running), "rest")
        before = held(running)
        for _ in range(15):
            ends_in_every_way(tus, session)

        def at_rest() -> bool:
            return all(count <= limit for count, limit in zip(held(running), before, strict=True))

        until(at_rest, f"what was held before: {before}")
