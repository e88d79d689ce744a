"""What a run needs besides Python: C programs, and other people's servers."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
RESULTS = HERE / "results"


@dataclass(slots=True)
class Tools:
    """Where the tools are; those that cannot be had are missing, with the reason in `skipped`."""

    found: dict[str, Path] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def need(self, names: tuple[str, ...], get: Callable[[], dict[str, Path]]) -> None:
        """Get tools that are installed together."""
        try:
            self.found |= get()
        except (OSError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stderr", None) or str(error)
            for name in names:
                self.skipped[name] = output.strip().splitlines()[-1][:200]


def gather() -> Tools:
    """Compile and install all tools."""
    tools = Tools()
    tools.need(("sink", "relay", "nosync"), _compile)
    tools.need(("python",), _install_python)
    tools.need(("tus_node",), _install_node)
    for name in ("nginx", "curl"):
        tools.need((name,), partial(_find, name))
    return tools


def _find(name: str) -> dict[str, Path]:
    return {name: _installed(name)}


def _installed(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return Path(path)


def _run(*command: str | Path, cwd: Path = HERE) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)


def _compile() -> dict[str, Path]:
    cc, native = _installed("cc"), HERE / "native"
    PEERS.mkdir(exist_ok=True)
    found = {}
    for name in ("sink", "relay"):
        found[name] = PEERS / name
        libraries = ("-lcrypto", "-lpthread")
        _run(cc, "-O2", "-o", found[name], native / f"{name}.c", *libraries)
    found["nosync"] = PEERS / "nosync.so"
    _run(cc, "-O2", "-shared", "-fPIC", "-o", found["nosync"], native / "nosync.c")
    return found


def _install_python() -> dict[str, Path]:
    venv, wanted = PEERS / "venv", HERE / "requirements.txt"
    python, mark = venv / "bin" / "python", venv / "installed"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        _run(sys.executable, "-m", "venv", venv)
        _run(python, "-m", "pip", "install", "--quiet", "--requirement", wanted)
        mark.write_text(wanted.read_text())
    return {"python": python}


def _install_node() -> dict[str, Path]:
    npm, _ = _installed("npm"), _installed("node")
    script = PEERS / "tus_node.mjs"
    wanted, have = HERE / "package.json", PEERS / "package.json"
    if not have.exists() or have.read_text() != wanted.read_text():
        PEERS.mkdir(exist_ok=True)
        shutil.copy(wanted, have)
        _run(npm, "install", "--no-fund", "--no-audit", "--no-package-lock", cwd=PEERS)
    # Node looks for packages beside the script.
    shutil.copy(HERE / "peers" / "tus_node.mjs", script)
    return {"tus_node": script}
