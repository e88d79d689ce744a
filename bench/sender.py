"""The yardstick of forwarding: sends with http.client and sendfile, and does nothing else.

`python -m bench.sender PORT PARALLEL FOLDER`: each file in FOLDER is one POST; there are PARALLEL
threads, each with one connection that it keeps alive.
"""

import http.client
import sys
from pathlib import Path
from queue import SimpleQueue

from bench.load import drain, side_by_side


def send(port: int, parallel: int, paths: list[Path]) -> None:
    """Send all files."""
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(len(paths)):
        numbers.put(number)

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        for number in drain(numbers):
            with paths[number].open("rb") as file:
                connection.putrequest("POST", "/api/assets")
                connection.putheader("Content-Length", str(paths[number].stat().st_size))
                connection.putheader("x-immich-checksum", f"{number:040x}")
                connection.endheaders()
                connection.sock.sendfile(file)
                connection.getresponse().read()

    side_by_side(parallel, work)


if __name__ == "__main__":
    send(int(sys.argv[1]), int(sys.argv[2]), sorted(Path(sys.argv[3]).iterdir()))
