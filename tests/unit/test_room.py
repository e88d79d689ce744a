"""Room on the disk: never reserved twice, and given back when nobody comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.errors import DiskFull
from immich_drop.room import FRESH, LAPSE, Room
from unit.make import Clock


class Disk:
    """A disk of `free` bytes that others use too."""

    def __init__(self, free: int, min_free: int = 100) -> None:
        self.clock = Clock()
        self.free = free
        self.looks = 0
        self.room = Room(free=self.look, min_free=min_free, clock=self.clock)

    def look(self) -> int:
        self.looks += 1
        return self.free


def test_ten_phones_cannot_overbook() -> None:
    disk = Disk(1100)
    for phone in range(10):
        disk.room.reserve(str(phone), 100)
    with pytest.raises(DiskFull):
        disk.room.reserve("one more", 1)
    disk.room.release("3")
    disk.room.reserve("one more", 100)


def test_asking_again_for_the_same_upload_reserves_nothing_more() -> None:
    disk = Disk(1100)
    for remaining in (1000, 1000, 400):
        disk.room.reserve("a", remaining)
    disk.room.reserve("b", 600)
    with pytest.raises(DiskFull):
        disk.room.reserve("a", 401)


def test_bytes_that_arrive_use_up_the_reservation_and_the_disk() -> None:
    disk = Disk(1100)
    disk.room.reserve("a", 1000)
    disk.room.take("a", 600)
    disk.free -= 600
    disk.clock.pass_(FRESH)
    disk.room.reserve("a", 400)
    with pytest.raises(DiskFull):
        disk.room.reserve("b", 1)


def test_a_reservation_lapses_in_silence_and_not_before() -> None:
    disk = Disk(1100)
    disk.room.reserve("left", 1000)
    disk.clock.pass_(LAPSE)
    with pytest.raises(DiskFull):
        disk.room.reserve("b", 500)
    disk.clock.pass_(1)
    disk.room.reserve("b", 500)
    disk.clock.pass_(LAPSE)
    disk.room.take("b", 100)
    disk.clock.pass_(LAPSE)
    with pytest.raises(DiskFull):
        disk.room.reserve("c", 601 + 100)


def test_what_others_write_is_noticed() -> None:
    disk = Disk(1100)
    disk.room.reserve("a", 1000)
    assert not disk.room.low()
    disk.free = 99
    disk.clock.pass_(FRESH)
    with pytest.raises(DiskFull):
        disk.room.take("a", 1)
    with pytest.raises(DiskFull):
        disk.room.take("of unknown length", 1)
    assert disk.room.low()


def test_the_disk_is_not_asked_for_every_piece() -> None:
    disk = Disk(10**9)
    for _ in range(1000):
        disk.room.take("a", 10)
    assert disk.looks == 1


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 700))))
def test_what_is_reserved_always_fits(wishes: list[tuple[str, int]]) -> None:
    disk = Disk(1100)
    for upload_id, remaining in wishes:
        try:
            disk.room.reserve(upload_id, remaining)
        except DiskFull:
            assert upload_id not in disk.room._reservations
        assert sum(each.remaining for each in disk.room._reservations.values()) <= 1000
