"""A server in its own process, and every line it prints."""

import os
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.wait import PATIENCE

ADDRESS = re.compile(r"http://(127\.0\.0\.1):(\d+)/")


class Process:
    """Starts a command, reads its address from its output, and ends it in one of several ways."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        self._said: list[str] = []
        self._silent = False
        self._news = threading.Condition()
        self._popen = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def log(self) -> str:
        with self._news:
            return "".join(self._said)

    def address(self) -> tuple[str, int]:
        """Return the address the process listens on, as soon as it prints it."""
        match = self.wait_for(ADDRESS)
        return match[1], int(match[2])

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Return the first match in the output so far, waiting for it if necessary.

        Raises:
            AssertionError: the process ended without printing a match, or took too long and was
                killed.
        """
        with self._news:
            self._news.wait_for(lambda: pattern.search(self.log) or self._silent, PATIENCE)
        if match := pattern.search(self.log):
            return match
        self.kill()
        raise AssertionError(f"the process did not say {pattern.pattern!r} but\n{self.log}")

    def limit(self, resource_: int, soft: int) -> None:
        """Lower a resource limit of the process (see `resource`; Linux only)."""
        _, hard = resource.prlimit(self.pid, resource_)
        resource.prlimit(self.pid, resource_, (soft, hard))

    def alive(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def exit_code(self, timeout: float = PATIENCE) -> int:
        """Wait for the end and return the exit code, -9 for a process that was killed."""
        code = self._popen.wait(timeout)
        self._reader.join(timeout)
        return code

    def kill(self) -> None:
        """End the process as a power cut would: without warning."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        self.exit_code()

    def stop(self) -> int:
        """Ask the process to end, as systemd and docker do, and return its exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
        return self.exit_code()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with self._news:
                self._said.append(line)
                self._news.notify_all()
        self._popen.stdout.close()
        with self._news:
            self._silent = True
            self._news.notify_all()
