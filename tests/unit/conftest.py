"""Fixtures of more than one module's tests."""

import pytest

from immich_drop import forward, gate


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every second between two attempts a few milliseconds."""
    monkeypatch.setattr(forward, "FIRST_DELAY", 0.003)
    monkeypatch.setattr(gate, "FIRST_PAUSE", 0.003)
    monkeypatch.setattr(gate, "LONGEST_PAUSE", 0.02)
