"""The pulse: the gate knows how Immich is, without anybody bringing anything."""

from pathlib import Path

import pytest

from immich_drop.errors import ImmichFailing, ImmichHold, ImmichPermission, ImmichQuota
from immich_drop.pulse import Pulse
from immich_drop.standin import Fault, Kind
from unit.delivering import Half, half


def pulse_of(drop: Half, *, idle: bool = True) -> Pulse:
    return Pulse(immich=drop.immich, gate=drop.gate, idle=lambda: idle, has_key=True)


@pytest.mark.gen_test
async def test_the_gate_follows(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        pulse = pulse_of(drop)
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
        await pulse_of(drop).check()
        assert drop.gate.reason is None


@pytest.mark.gen_test
@pytest.mark.parametrize("kind", [ImmichFailing, ImmichPermission, ImmichQuota])
async def test_while_deliveries_wait_only_they_end_what_they_found(
    tmp_path: Path, kind: type[ImmichHold]
) -> None:
    """A key without albumAsset.create, say, may ask; the album is what it cannot join."""
    async with half(tmp_path) as drop:
        drop.gate.hold(kind("as a delivery was told"))
        reason = drop.gate.reason
        await pulse_of(drop, idle=False).check()
        assert drop.gate.reason is reason
        await pulse_of(drop, idle=True).check()
        assert drop.gate.reason is None


@pytest.mark.gen_test
async def test_an_immich_that_fails_is_not_well(tmp_path: Path) -> None:
    """Without its database it answers 500 while its ping says pong."""
    async with half(tmp_path) as drop:
        drop.standin.faults.add(Fault(kind=Kind.STATUS, match=".*", status=500, times=None))
        await pulse_of(drop).check()
        assert isinstance(drop.gate.reason, ImmichFailing)
        drop.standin.faults.clear()
        await pulse_of(drop).check()
        assert drop.gate.reason is None
