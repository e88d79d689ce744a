"""Describes the machine that was measured: enough to judge the figures, but not its name."""

import os
import platform
import ssl
import subprocess
from importlib.metadata import version
from pathlib import Path


def describe(folder: Path) -> dict[str, str]:
    """Describe the machine and what runs on it."""
    cpu = _field("/proc/cpuinfo", "model name")
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return {
        "cpu": f"{os.cpu_count()} x {cpu}{', SHA-NI' if _has_sha() else ''}",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "file system": _file_system(folder),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "tornado": version("tornado"),
    }


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _has_sha() -> bool:
    return any(flag in _field("/proc/cpuinfo", name).split() for name, flag in SHA_FLAGS)


SHA_FLAGS = (("flags", "sha_ni"), ("Features", "sha1"))
"""The name of the SHA extension on x86 and on ARM, in /proc/cpuinfo."""


def _file_system(folder: Path) -> str:
    command = ["stat", "--file-system", "--format=%T", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
