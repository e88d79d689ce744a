"""Short requests with JSON answers, and the error that a failed request raises."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from immich_drop.errors import ImmichUnavailable
from immich_drop.immich.answers import Answer, failure, maybe, parsed, reason
from immich_drop.immich.credentials import NAME, Credential

_TIMEOUT = 60
"""Seconds for one request, its answer included."""


class Exchange:
    """Sends requests to one server with one credential, at most `max_connections` at a time."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        max_connections: int,
        connect_timeout: float,
    ) -> None:
        self._base_url = base_url
        self._credential = credential
        self._connect_timeout = connect_timeout
        self._http = AsyncHTTPClient(force_instance=True, max_clients=max_connections)

    def address(self, path: str) -> str:
        """Return the path with the query string that the credential needs, if any."""
        if not self._credential.query:
            return path
        return f"{path}{'&' if '?' in path else '?'}{urlencode(self._credential.query)}"

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the 2xx answer to one request. Raises an ImmichError for any other answer."""
        return await self.accepted(await self._ask(method, path, body, headers))

    async def read(self, method: str, path: str, body: object = None) -> object:
        """Return the JSON value of the answer that `ask` returns."""
        return parsed(await self.ask(method, path, body))

    async def ask_newer(self, method: str, path: str, body: object) -> Answer | None:
        """Do what `ask` does, but return None if this version does not have the call yet."""
        answer = await self._ask(method, path, body)
        if answer.status == 404 and not await self._in_maintenance():
            return None
        return await self.accepted(answer)

    async def ask_public(self, name: str) -> Answer:
        """Return the answer of a public /server/ endpoint; 1.106 has it under another path."""
        answer = await self._fetch("GET", f"/server/{name}")
        if answer.status == 404:
            older = await self._fetch("GET", f"/server-info/{name}")
            answer = older if older.ok else answer
        return await self.accepted(answer)

    async def accepted(self, answer: Answer) -> Answer:
        """Return the answer if it is 2xx. Raises an ImmichError if not."""
        if answer.ok:
            return answer
        if answer.status == 404 and await self._in_maintenance():
            raise ImmichUnavailable("Immich is in maintenance mode")
        raise failure(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    async def _in_maintenance(self) -> bool:
        """Tell whether Immich is in maintenance mode (>= 2.3), where known routes answer 404."""
        try:
            config = parsed(await self._fetch("GET", "/server/config"))
        except ImmichUnavailable:
            return False
        return maybe(config, "maintenanceMode") is True

    async def _ask(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {**self._credential.headers, **(headers or {})}
        return await self._fetch(method, self.address(path), body, headers)

    async def _fetch(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        request = HTTPRequest(
            self._base_url + path,
            method=method,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                **(headers or {}),
            },
            body=None if body is None else json.dumps(body),
            connect_timeout=self._connect_timeout,
            request_timeout=_TIMEOUT,
            # Tornado would send the API key to the server that a redirect names.
            follow_redirects=False,
            user_agent=NAME,
        )
        try:
            response = await self._http.fetch(request, raise_error=False)
        except (HTTPClientError, OSError) as error:
            raise ImmichUnavailable(reason(error)) from error
        return Answer(
            status=response.code,
            body=response.body or b"",
            location=response.headers.get("Location", ""),
        )
