"""A server in a process of its own, and every line it says."""

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
    """Start a command, learn its address from what it prints, end it in one way or another."""

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
        """Return where the process serves, as soon as it says so."""
        match = self.wait_for(ADDRESS)
        return match[1], int(match[2])

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Return the first match in all the process has said.

        Raises:
            AssertionError: it ended, or waited too long, without saying so; it is ended then.
        """
        with self._news:
            self._news.wait_for(lambda: pattern.search(self.log) or self._silent, PATIENCE)
        if match := pattern.search(self.log):
            return match
        self.kill()
        raise AssertionError(f"the process did not say {pattern.pattern!r} but\n{self.log}")

    def limit(self, resource_: int, soft: int) -> None:
        """Give the process less of something than it had (see `resource`; Linux)."""
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
        """End the process as a power cut would: without a word."""
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
