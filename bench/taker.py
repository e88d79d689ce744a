"""An Immich that only counts assets, so that only the cost of sending is measured.

`python -m bench.taker PORT SERVICE_SECONDS` accepts assets and discards them, but remembers their
checksums if the client sent them. GET /came/COUNT is answered when that many have come, with the
seconds from the beginning of the first to the end of the last.
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

BUFFER = 1 << 20


class Shelf:
    """The assets received so far."""

    def __init__(self, service: float) -> None:
        self.service = service
        self.assets: dict[str, str] = {}
        self._came = threading.Condition()
        self._first = self._last = 0.0
        self._count = 0

    def begin(self) -> None:
        """Note that an asset is on its way."""
        self._first = self._first or time.perf_counter()

    def add(self, checksum: str) -> str:
        """Add an asset; return its id."""
        asset = str(uuid4())
        with self._came:
            self.assets[checksum] = asset
            self._count += 1
            self._last = time.perf_counter()
            self._came.notify_all()
        return asset

    def wait(self, count: int) -> float:
        """Wait for that many; return the seconds they took, from the first byte to the last."""
        with self._came:
            self._came.wait_for(lambda: self._count >= count)
            return self._last - self._first


class Taker(BaseHTTPRequestHandler):
    """Answers the requests of an uploader."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "Server"

    def do_GET(self) -> None:
        if self.path.startswith("/came/"):
            self._answer(200, self.server.shelf.wait(int(self.path.removeprefix("/came/"))))
        elif self.path.endswith("/media-types"):
            self._answer(200, {"image": [".jpg"], "video": [".mp4"], "sidecar": [".xmp"]})
        else:
            self._answer(200, {"major": 2, "minor": 7, "patch": 5})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        if self.path.endswith("/bulk-upload-check"):
            self._check(self.rfile.read(length).decode())
        else:
            self._take(length)

    def log_message(self, *_: object) -> None:
        pass

    def _check(self, question: str) -> None:
        assets = self.server.shelf.assets
        results = []
        for checksum in re.findall(r'"checksum": ?"([0-9a-f]{40})"', question):
            verdict = {"id": checksum, "action": "accept"}
            if asset := assets.get(checksum):
                found = {"reason": "duplicate", "assetId": asset, "isTrashed": False}
                verdict = {"id": checksum, "action": "reject", **found}
            results.append(verdict)
        self._answer(200, {"results": results})

    def _take(self, length: int) -> None:
        shelf = self.server.shelf
        shelf.begin()
        buffer = bytearray(min(BUFFER, length))
        while length:
            count = self.rfile.readinto(memoryview(buffer)[:length])
            if not count:
                return
            length -= count
        time.sleep(shelf.service)
        asset = shelf.add(self.headers.get("x-immich-checksum", ""))
        self._answer(201, {"id": asset, "status": "created"})

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Listens."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: float) -> None:
        super().__init__(("127.0.0.1", port), Taker)
        self.shelf = Shelf(service)


if __name__ == "__main__":
    Server(int(sys.argv[1]), float(sys.argv[2])).serve_forever()
