"""`/api/`: what the page asks besides uploading."""

import asyncio
import re
from typing import Any

from immich_drop import qr
from immich_drop.errors import BadRequest, NotFound
from immich_drop.handlers.base import DropHandler
from immich_drop.known import MAX_CHECKSUMS
from immich_drop.tus import is_session
from immich_drop.upload import OWN

LONGEST_PASSWORD = 1000
LONGEST_ADDRESS = 250
"""Characters."""

_SHA1 = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)


class ConfigHandler(DropHandler):
    """`GET /api/config`."""

    async def get(self) -> None:
        link = await self.enter()
        shared = link.id != OWN
        about = {"title": link.title, "message": link.message, "shared": shared}
        self.finish(self.parts.config | about | {"extensions": sorted(self.parts.extensions())})


class UnlockHandler(DropHandler):
    """`POST /api/unlock`: the password of a link, for a cookie that opens it for some days."""

    async def post(self) -> None:
        self.parts.requests.spend(self.address)
        password = _read_password(self.read_json().get("password"))
        if self.ref is None:
            raise NotFound("the drop at / has no password")
        unlocked = await self.parts.entrance.unlock(self.ref, password, address=self.address)
        if unlocked.lock is not None:
            self.keep_unlocked(unlocked.lock)
        self.set_status(204)


class CodeHandler(DropHandler):
    """`GET /qr.svg`: the address of this drop, for another phone's camera."""

    async def get(self) -> None:
        self.parts.requests.spend(self.address)
        await self.enter()
        address = f"{self.url}/"
        if len(address) > LONGEST_ADDRESS:
            raise NotFound("no camera reads so much")
        self.set_header("Content-Type", "image/svg+xml")
        self.finish(await asyncio.to_thread(qr.svg, address))


class KnownHandler(DropHandler):
    """`POST /api/known`."""

    async def post(self) -> None:
        question = self.read_json()
        if not is_session(str(question.get("session"))):
            raise BadRequest("no session")
        checksums = _read_checksums(question.get("checksums"))
        link = await self.enter()
        known = await self.parts.known.among(checksums, link=link.id, address=self.address)
        self.finish({"known": [checksum.hex() for checksum in checksums if checksum in known]})


class UploadsHandler(DropHandler):
    """`GET /api/uploads`: the snapshot, for when WebSockets are blocked."""

    def get(self) -> None:
        self.parts.requests.spend(self.address)
        uploads = self.parts.snapshot.of(self.read_session(), address=self.address)
        self.finish({"uploads": uploads})


class RetryHandler(DropHandler):
    """`POST /api/uploads/{id}/retry`."""

    async def post(self, upload_id: str) -> None:
        self.parts.requests.spend(self.address)
        await self.parts.destinations.retry(upload_id, session=self.read_session())
        self.set_status(204)


def _read_password(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_PASSWORD:
        raise BadRequest("no password")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can say
        raise BadRequest("the password is no text") from None
    return value


def _read_checksums(value: Any) -> list[bytes]:
    if not isinstance(value, list) or len(value) > MAX_CHECKSUMS:
        raise BadRequest(f"checksums is no list of at most {MAX_CHECKSUMS}")
    if not all(isinstance(text, str) and _SHA1.fullmatch(text) for text in value):
        raise BadRequest("a checksum is not 40 hexadecimal digits")
    return [bytes.fromhex(text) for text in value]
