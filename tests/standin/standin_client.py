"""Speaking HTTP to a stand-in: whole requests, and raw ones."""

import asyncio
import hashlib
import json
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from immich_drop.standin import StandIn

MiB = 1024 * 1024
BOUNDARY = "b-o-u-n-d-a-r-y"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
DATE = "2026-07-04T20:15:30.000Z"
FIELDS = {
    "deviceAssetId": "d",
    "deviceId": "drop",
    "fileCreatedAt": DATE,
    "fileModifiedAt": DATE,
}


def form(data: bytes, name: str = "a.jpg", fields: dict[str, str] = FIELDS) -> bytes:
    """Build the body of POST /assets."""
    texts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    head = f'Content-Disposition: form-data; name="assetData"; filename="{name}"\r\n\r\n'
    start = f"{''.join(texts)}--{BOUNDARY}\r\n{head}"
    return start.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def sha1(data: bytes) -> str:
    """Return the checksum in hex."""
    return hashlib.sha1(data).hexdigest()


class Client:
    """Calls a stand-in as the owner of its key."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.http = AsyncHTTPClient(force_instance=True)

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str = "", **headers: str
    ) -> HTTPResponse:
        """Send a request; a body which is no bytes goes as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = HTTPRequest(
            self.standin.url + path,
            method=method,
            body=body,
            headers={"x-api-key": key or self.standin.key, **headers},
            allow_nonstandard_methods=True,
            follow_redirects=False,
        )
        return await self.http.fetch(request, raise_error=False)

    async def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request and read the JSON of its answer."""
        return json.loads((await self.call(method, path, body, **headers)).body)

    async def upload(
        self, data: bytes, name: str = "a.jpg", path: str = "/assets", **headers: str
    ) -> HTTPResponse:
        """Upload a file."""
        return await self.call("POST", path, form(data, name), **{"Content-Type": FORM, **headers})

    async def uploaded(self, data: bytes, name: str = "a.jpg") -> str:
        """Upload a new file and return its asset's id."""
        response = await self.upload(data, name)
        assert response.code == 201, response.body
        return str(json.loads(response.body)["id"])

    async def check(self, data: bytes) -> dict[str, Any]:
        """Ask the bulk check about a file."""
        asked = {"assets": [{"id": "1", "checksum": sha1(data)}]}
        (result,) = (await self.json("POST", "/assets/bulk-upload-check", asked))["results"]
        return dict(result)


async def connect(
    standin: StandIn, length: int, **headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection and send the head of POST /assets."""
    host, _, port = standin.url.split("/")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    send_head(writer, length, **{"x-api-key": standin.key, **headers})
    return reader, writer


def send_head(writer: asyncio.StreamWriter, length: int, **headers: str) -> None:
    """Send the head of POST /assets."""
    lines = {"Host": "immich", "Content-Type": FORM, "Content-Length": str(length), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"POST /api/assets HTTP/1.1\r\n{head}\r\n".encode())


async def send_all(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send bytes as fast as they are taken; raises ConnectionError when they are not."""
    for start in range(0, len(data), MiB):
        writer.write(data[start : start + MiB])
        await writer.drain()
    await writer.drain()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer: status, headers in lower case, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body
