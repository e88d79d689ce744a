"""Firefox, driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/)."""

import asyncio
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

from harness.process import Process
from tornado.websocket import websocket_connect

FIREFOX = shutil.which("firefox-esr") or "firefox"
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """One page in a Firefox without a window."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        arguments = ["--headless", "--remote-debugging-port=0", "--profile", self._home.name]
        env = {**os.environ, "HOME": self._home.name}
        self._process = Process([FIREFOX, *arguments], env=env, cwd=Path(self._home.name))
        address = self._process.wait_for(LISTENING)[1]
        self._loop = asyncio.new_event_loop()
        self._ids = count(1)
        self._socket = self._loop.run_until_complete(self._connect(f"{address}/session"))
        self._ask("session.new", capabilities={})
        tree = self._ask("browsingContext.getTree")
        self._page = tree["contexts"][0]["context"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
        self._process.stop()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._home.cleanup()

    def open(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def reload(self) -> None:
        self._ask("browsingContext.reload", context=self._page, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return what the expression is: a string, a number, a truth or null."""
        return self._evaluate(expression).get("value")

    def choose(self, selector: str, paths: Sequence[Path]) -> None:
        """Give a file input these files."""
        found = self._evaluate(f"document.querySelector({json.dumps(selector)})")
        self._ask(
            "input.setFiles",
            context=self._page,
            element={"sharedId": found["sharedId"]},
            files=[str(path) for path in paths],
        )

    def _evaluate(self, expression: str) -> dict[str, Any]:
        target = {"context": self._page}
        answer = self._ask(
            "script.evaluate", expression=expression, target=target, awaitPromise=True
        )
        assert answer["type"] == "success", answer
        result: dict[str, Any] = answer["result"]
        return result

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(self._exchange(method, params))

    async def _connect(self, address: str) -> Any:
        return await websocket_connect(address)

    async def _exchange(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.write_message(
            json.dumps({"id": number, "method": method, "params": params})
        )
        while text := await self._socket.read_message():
            answer = json.loads(text)
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError(self._process.log)
