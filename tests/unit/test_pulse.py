"""The pulse: the gate knows how Immich is, without anybody bringing anything."""

from pathlib import Path

import pytest

from immich_drop.errors import ImmichQuota
from immich_drop.pulse import Pulse
from immich_drop.standin import Fault, Kind
from unit.delivering import half


@pytest.mark.gen_test
async def test_the_gate_follows(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        pulse = Pulse(immich=drop.immich, gate=drop.gate, has_key=True)
        await pulse.check()
        assert drop.gate.reason is None
        await drop.standin.down()
        await pulse.check()
        assert drop.gate.reason is not None
        assert drop.gate.reason.code == "immich_unavailable"
        drop.standin.up()
        await pulse.check()
        assert drop.gate.reason is None


@pytest.mark.gen_test
async def test_a_key_that_may_not_ask_is_no_illness(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        message = "Missing required permission: all"
        fault = Fault(kind=Kind.STATUS, match=".*bulk-upload-check", status=403, message=message)
        drop.standin.faults.add(fault)
        await Pulse(immich=drop.immich, gate=drop.gate, has_key=True).check()
        assert drop.gate.reason is None


@pytest.mark.gen_test
async def test_only_a_delivery_ends_a_quota(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        drop.gate.hold(ImmichQuota("full"))
        await Pulse(immich=drop.immich, gate=drop.gate, has_key=True).check()
        assert drop.gate.reason is not None
        drop.gate.open()
