"""WebKitGTK, driven by its own WebDriver (https://www.w3.org/TR/webdriver2/)."""

import http.client
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from harness.process import Process
from harness.wait import until

MINIBROWSER = next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"), Path("MiniBrowser"))
DISPLAY = ":97"
PORT = 4497
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's reference, by the standard."""


class WebKit:
    """One page in a MiniBrowser on a screen nobody sees."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory()
        env = {**os.environ, "DISPLAY": DISPLAY, "HOME": self._home.name}
        folder = Path(self._home.name)
        self._screen = Process(["Xvfb", DISPLAY], env=env, cwd=folder)
        until(Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}").exists, "a screen")
        self._driver = Process(["WebKitWebDriver", f"--port={PORT}"], env=env, cwd=folder)
        until(self._listens, "WebKitWebDriver to listen")
        options = {"binary": str(MINIBROWSER), "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        self._session = self._ask("POST", "/session", wanted)["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._ask("DELETE", f"/session/{self._session}")
        finally:
            self._driver.kill()
            self._screen.kill()
            self._home.cleanup()

    def open(self, url: str) -> None:
        self._do("url", {"url": url})

    def reload(self) -> None:
        self._do("refresh", {})

    def evaluate(self, expression: str) -> Any:
        return self._do("execute/sync", {"script": f"return {expression}", "args": []})

    def choose(self, selector: str, paths: Sequence[Path]) -> None:
        """Give a file input these files."""
        found = self._do("element", {"using": "css selector", "value": selector})
        text = "\n".join(str(path) for path in paths)
        self._do(f"element/{found[ELEMENT]}/value", {"text": text})

    def _do(self, what: str, body: object) -> Any:
        return self._ask("POST", f"/session/{self._session}/{what}", body)

    def _listens(self) -> bool:
        try:
            return bool(self._ask("GET", "/status"))
        except OSError:
            return False

    def _ask(self, method: str, target: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, target, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
            assert answer.status == 200, value
            return value
        finally:
            connection.close()
