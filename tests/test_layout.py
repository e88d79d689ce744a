"""Every module has a test of its own, or a suite that holds it from outside."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "immich_drop"

ELSEWHERE = {
    "app": "test_start_stop.py",
    "capture": "test_capture.py",
    "check": "test_check.py",
    "deliver": "unit/test_forward.py",
    "discard": "unit/test_sweep.py",
    "errors": "test_bad_input.py",
    "handlers.api": "test_websocket.py",
    "handlers.base": "test_bad_input.py",
    "handlers.body": "test_cuts.py",
    "handlers.files": "test_tus_wire.py",
    "handlers.forwarded": "test_proxies.py",
    "handlers.framing": "test_bad_http.py",
    "handlers.health": "test_start_stop.py",
    "handlers.intake": "unit/test_intake.py",
    "handlers.pace": "attack",
    "handlers.page": "test_page.py",
    "handlers.ws": "test_websocket.py",
    "immich": "test_immich.py",
    "inflow": "unit/test_spool.py",
    "main": "test_start_stop.py",
    "migrations": "unit/test_db.py",
    "reception": "unit/test_receive.py",
    "questions": "unit/test_entrance.py",
    "values": "unit/test_settings.py",
    "clocks": "unit/test_tasks.py",
    "connections": "attack",
    "spool_file": "unit/test_spool.py",
    "disk": "unit/test_spool.py",
    "tail": "unit/test_spool.py",
    "webhook": "unit/test_notify.py",
    "writer": "unit/test_db.py",
    "standin": "standin",
}
"""Packages and modules whose tests do not bear their name."""

PLAIN = {"handlers.parts"}
"""Records without a rule of their own."""


def modules() -> list[str]:
    """Name every module; a package that is tested as one counts as one."""
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths}
    whole = [name for name in ELSEWHERE if (PACKAGE / name).is_dir()]
    inside = {name for name in names for package in whole if name.startswith(f"{package}.")}
    return sorted(names - inside - PLAIN - {"__init__", "handlers"})


@pytest.mark.parametrize("module", modules())
def test_every_module_has_a_test(module: str) -> None:
    assert (TESTS / ELSEWHERE.get(module, f"unit/test_{module}.py")).exists()


def test_the_exceptions_are_some() -> None:
    named = {name for name in ELSEWHERE if (TESTS / f"unit/test_{name}.py").exists()}
    assert named == set()
    assert set(ELSEWHERE) <= set(modules())
