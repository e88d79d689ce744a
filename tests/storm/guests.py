"""Guests who bring files over bad networks, in every way tus allows, and recall what they heard."""

import hashlib
import json
import math
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.hostile import Hostile
from harness.tus import OCTETS, VERSION, metadata, path_of, sha1
from harness.wire import Connection, Hangup, Response, chunked

from storm.doors import Door

LATER = frozenset({423, 429, 503, 507})
"""Answers after which a guest simply tries again."""

CLOSED = frozenset({401, 403, 404, 410})
"""Answers to who comes by a link that is closed, or that Immich does not tell of just now."""

IMPATIENCE = 3.0
"""Seconds after which a guest asks again: a network may also just fall silent."""

LOST = (Hangup, OSError)
"""What a cut connection looks like."""


class Broken(Exception):
    """The server did what it must never do."""


@dataclass(frozen=True, slots=True)
class File:
    """What one guest brings; `item` is the page's own id of it."""

    item: str
    data: bytes = field(repr=False)

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self.data).hexdigest()


class Guest(threading.Thread):
    """Brings files, one after the other, until the storm is over."""

    def __init__(
        self,
        seed: str,
        door: Door,
        network: Hostile,
        over: threading.Event,
        *,
        largest: int,
        twins: list[File],
    ) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.session = hashlib.sha1(seed.encode()).hexdigest()
        self.door = door
        self.promised: list[File] = []
        """Files the server has said it received."""
        self.given_up: dict[str, File] = {}
        """Files this guest will not finish, by their upload URL."""
        self.heard: Counter[int] = Counter()
        self.sent = 0
        self.error: Exception | None = None
        self._address = network.address
        self._cookie: dict[str, str] = {}
        """What shows that this guest knows the door's password."""
        self._over = over
        self._largest = largest
        self._twins = twins

    def run(self) -> None:
        try:
            for file in self._files():
                self._bring(file)
        except Exception as error:  # noqa: BLE001  # told to whoever joins
            self.error = error

    def _files(self) -> Iterator[File]:
        serial = 0
        while not self._over.is_set():
            serial += 1
            if self._twins and self.random.random() < 0.2:
                yield File(f"twin-{serial}", self.random.choice(self._twins).data)
            else:
                size = round(math.exp(self.random.uniform(0, math.log(self._largest))))
                name = f"{self.session} {serial} ".encode()
                yield File(str(serial), name + self.random.randbytes(size))

    def _bring(self, file: File) -> None:
        known: dict[str, str] = {"sha1": file.sha1} if self.random.random() < 0.5 else {}
        meta = metadata(filename="Dünen.jpg", session=self.session, item=file.item, **known)
        url, reached = "", 0
        gives_up = self.random.random() < 0.08
        while reached < len(file.data):
            try:
                url = url or self._create(file, meta)
                offset = self._offset(url)
                if offset < reached:
                    raise Broken(f"{url} stood at {reached}, now at {offset}")
                reached = offset if offset == len(file.data) else self._send(url, file, offset)
            except LOST:
                self._over.wait(self.random.uniform(0, 0.2))
            if gives_up and url and reached < len(file.data):
                self.given_up[url] = file
                return
        self.promised.append(file)

    def _create(self, file: File, meta: str) -> str:
        """Ask for the upload; sometimes the first bytes come along."""
        share = self.random.choice([0.0, 0.0, 0.3, 1.0])
        body = file.data[: int(len(file.data) * share)]
        headers = VERSION | {"Upload-Length": str(len(file.data)), "Upload-Metadata": meta}
        if body:
            headers |= {"Content-Type": OCTETS}
            if self.random.random() < 0.3:
                headers["Upload-Checksum"] = sha1(body)
        answer = self._ask("POST", f"{self.door.path}/files/", headers | self._cookie, body)
        if answer.status != 201:
            self._expect(answer, LATER | CLOSED if self.door.path else LATER)
            if answer.status == 401:
                self._unlock()
            raise Hangup
        if self.door.password and not self._cookie:
            raise Broken(f"{self.door} was not locked")
        return path_of(answer["Location"])

    def _unlock(self) -> None:
        body = json.dumps({"password": self.door.password}).encode()
        answer = self._ask("POST", f"{self.door.path}/api/unlock", {}, body)
        if answer.status == 204:
            self._cookie = {"Cookie": answer["Set-Cookie"].partition(";")[0]}
        else:
            # 401: Immich says so to everybody for a while, whatever the password.
            self._expect(answer, LATER | {401, 404, 410})

    def _offset(self, url: str) -> int:
        answer = self._ask("HEAD", url, VERSION, b"")
        if answer.status in LATER:
            raise Hangup
        self._expect(answer, {200})
        return int(answer["Upload-Offset"])

    def _send(self, url: str, file: File, offset: int) -> int:
        """Send some of the rest; returns what the server says it has."""
        size = round(self.random.choice([0.2, 0.5, 1, 1]) * (len(file.data) - offset)) or 1
        body = file.data[offset : offset + size]
        headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": OCTETS}
        wrong = self.random.random() < 0.05
        if wrong or self.random.random() < 0.3:
            headers["Upload-Checksum"] = sha1(body + b"!" * wrong)
        if self.random.random() < 0.25:
            headers["Transfer-Encoding"] = "chunked"
            step = max(1, len(body) // self.random.randint(1, 20))
            pieces = [body[at : at + step] for at in range(0, len(body), step)]
            answer = self._ask("PATCH", url, headers, chunked(*pieces))
        else:
            answer = self._ask("PATCH", url, headers, body)
        if answer.status == 204 and not wrong:
            return int(answer["Upload-Offset"])
        self._expect(answer, LATER | ({460} if wrong else {409}))
        return offset

    def _ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        self.sent += len(body)
        with Connection(self._address, timeout=IMPATIENCE) as connection:
            answer = connection.ask(method, target, headers, body)
        self.heard[answer.status] += 1
        return answer

    def _expect(self, answer: Response, statuses: set[int] | frozenset[int]) -> None:
        if answer.status not in statuses:
            raise Broken(f"{answer.status} where {sorted(statuses)} were due: {answer}")
