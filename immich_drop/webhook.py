"""Where notices to the host go: a webhook, which takes JSON as the Apprise API does, or ntfy."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.header import Header

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from immich_drop.values import NTFY

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
"""Until a notice that could not be sent is tried again; doubles each time."""

TIMEOUT = 20.0
"""Timeout of the request that sends a notice, in seconds."""


class Webhook:
    """Sends notices, and after a failure pauses."""

    def __init__(self, url: str, *, title: str, now: Callable[[], datetime]) -> None:
        self._url = url.removeprefix(NTFY)
        self._plain = url.startswith(NTFY)
        self._title = title
        self._now = now
        self._client = AsyncHTTPClient(force_instance=True)
        self._pause: timedelta | None = None
        self._again = datetime.min.replace(tzinfo=UTC)

    async def send(self, sentence: str, details: Mapping[str, object]) -> bool:
        """Send a notice, unless one failed just before; tells whether it was taken."""
        now = self._now()
        if timedelta() < self._again - now <= LONGEST_PAUSE:
            return False
        try:
            await self._client.fetch(self._request(sentence, details))
        except (HTTPError, OSError) as error:
            if self._pause is None:
                log.warning("the notice could not be sent, it will be tried again: %s", error)
            # It may have been taken all the same: who answers too late gets few copies.
            self._pause = min(self._pause * 2, LONGEST_PAUSE) if self._pause else FIRST_PAUSE
            self._again = now + self._pause
            return False
        self._pause = None
        return True

    def close(self) -> None:
        """Close the HTTP client."""
        self._client.close()

    def _request(self, sentence: str, details: Mapping[str, object]) -> HTTPRequest:
        if self._plain:
            headers, body = {"Title": _in_a_header(self._title)}, sentence
        else:
            headers = {"Content-Type": "application/json"}
            body = json.dumps({"title": self._title, "body": sentence, **details})
        return HTTPRequest(
            self._url,
            method="POST",
            headers=headers,
            body=body,
            follow_redirects=False,
            request_timeout=TIMEOUT,
        )


def _in_a_header(title: str) -> str:
    """Write a title into one line of ASCII, as ntfy reads it since 2.4: RFC 2047."""
    return Header(" ".join(title.split()), maxlinelen=0).encode()
