"""Room on the disk: never reserved twice, and given back when nobody comes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.errors import DiskFull
from immich_drop.room import BEGIN, FRESH, LAPSE, Room
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
        disk.room.reserve("one more", 100)
    disk.room.release("3")
    disk.room.reserve("one more", 100)


def test_ten_phones_that_begin_late_cannot_overbook_either() -> None:
    disk = Disk(1100)
    for phone in range(12):
        disk.room.reserve(str(phone), 100)
        disk.clock.pass_(BEGIN + 1)
    for phone in range(12):
        disk.room.reserve(str(phone), 100)
    for phone in range(10):
        disk.room.take(str(phone), 1)
    with pytest.raises(DiskFull):
        disk.room.take("10", 1)
    with pytest.raises(DiskFull):
        disk.room.reserve("11", 100)
    with pytest.raises(DiskFull):
        disk.room.reserve("a photo", 11)


def test_what_is_only_announced_keeps_out_nothing_smaller() -> None:
    disk = Disk(1100)
    disk.room.reserve("never comes", 900)
    with pytest.raises(DiskFull):
        disk.room.reserve("as large", 900)
    disk.room.reserve("a video", 800)
    disk.room.take("a video", 1)
    with pytest.raises(DiskFull):
        disk.room.take("never comes", 1)
    disk.room.reserve("a photo", 200)


def test_what_is_only_announced_counts_for_a_minute_however_often_it_is_asked_for() -> None:
    disk = Disk(1100)
    disk.room.reserve("never comes", 500)
    for _ in range(2):
        disk.clock.pass_(BEGIN / 2)
        disk.room.reserve("never comes", 500)
        with pytest.raises(DiskFull):
            disk.room.reserve("a video", 501)
    disk.clock.pass_(1)
    disk.room.reserve("never comes", 500)
    disk.room.reserve("a video", 1000)


def test_asking_again_for_the_same_upload_reserves_nothing_more() -> None:
    disk = Disk(1100)
    for remaining in (1000, 1000, 400):
        disk.room.reserve("a", remaining)
    disk.room.reserve("b", 600)
    for phone in "ab":
        disk.room.take(phone, 0)
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
    disk = Disk(1101)
    disk.room.reserve("left", 1001)
    disk.room.take("left", 1)
    disk.clock.pass_(LAPSE)
    with pytest.raises(DiskFull):
        disk.room.reserve("b", 500)
    disk.clock.pass_(1)
    disk.room.reserve("b", 501)
    disk.clock.pass_(LAPSE)
    disk.room.take("b", 101)
    disk.clock.pass_(LAPSE)
    with pytest.raises(DiskFull):
        disk.room.reserve("c", 602 + 100)


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


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 700), st.booleans())))
def test_what_is_reserved_always_fits(wishes: list[tuple[str, int, bool]]) -> None:
    disk = Disk(1100)
    for upload_id, remaining, comes in wishes:
        try:
            disk.room.reserve(upload_id, remaining)
        except DiskFull:
            assert upload_id not in disk.room._reservations
        if comes:
            with suppress(DiskFull):
                disk.room.take(upload_id, 0)
        assert disk.room._begun() <= 1000


def test_a_disk_without_a_byte_left_is_full_whatever_is_to_stay_free() -> None:
    disk = Disk(1, min_free=0)
    assert not disk.room.low()
    disk.free = 0
    disk.clock.pass_(FRESH)
    assert disk.room.low()
