"""What tus clients say by mistake or in malice: a clear refusal, and nothing is lost by it.

The product's fixture checks at its end that no traceback and no warning is in the log.
"""

import hashlib

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.tus import VERSION, Tus, metadata, patch_headers, path_of
from harness.wire import Hangup, request

NOT_NUMBERS = ["", "three", "1e3", "+5", "-1", "1_0", "0x5", "5.0", "5 5", "5, 5", "\u0663", "٥"]
HUGE, ENDLESS = "1180591620717411303424", "9" * 5000
"""2^70, and more digits than Python's int() takes."""


pytestmark = pytest.mark.usefixtures("bystander")


class TestNumbers:
    @pytest.mark.parametrize("value", NOT_NUMBERS)
    def test_upload_length(self, tus: Tus, value: str) -> None:
        refused(tus.post(value), 400)

    def test_upload_length_beyond_everything(self, tus: Tus) -> None:
        refused(tus.post(HUGE), 413, "too_large")
        refused(tus.post(ENDLESS), 400, "bad_request")

    @pytest.mark.parametrize("value", NOT_NUMBERS)
    def test_upload_offset(self, tus: Tus, value: str) -> None:
        url = tus.create(3)
        headers = patch_headers(0) | {"Upload-Offset": value}
        refused(tus.ask("PATCH", url, headers, b"abc"), 400)
        assert tus.offset(url) == 0

    @pytest.mark.parametrize(
        ("value", "status"), [(HUGE, 409), (ENDLESS, 400)], ids=["2^70", "5000 digits"]
    )
    def test_upload_offset_beyond_everything(self, tus: Tus, value: str, status: int) -> None:
        url = tus.create(3)
        headers = patch_headers(0) | {"Upload-Offset": value}
        refused(tus.ask("PATCH", url, headers, b"abc"), status)
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("value", [*NOT_NUMBERS, HUGE, ENDLESS])
    def test_length_of_a_deferred_upload(self, tus: Tus, value: str) -> None:
        url = tus.create(None)
        answer = tus.patch(url, 0, b"abc", **{"Upload-Length": value})
        refused(answer, 413 if value == HUGE else 400)
        assert tus.head(url)["Upload-Defer-Length"] == "1"

    @pytest.mark.parametrize(
        "value", ["", "soon", "1e3", "-1", "0", HUGE, ENDLESS, "٥", "NaN", "1.5"]
    )
    def test_a_date_that_is_none_costs_no_file(
        self, tus: Tus, immich: Immich, session: str, value: str
    ) -> None:
        data = f"{session} {value}".encode()
        answer = tus.post(len(data), metadata(filename="a.jpg", lastModified=value))
        if answer.status == 400:
            refused(answer, 400, "bad_metadata")
        else:
            assert tus.patch(path_of(answer["Location"]), 0, data).status == 204
            immich.wait_for(data)


class TestMetadata:
    @pytest.mark.parametrize(
        "meta",
        [
            "",
            "filename",
            "filename !!!",
            "filename YS5qcGc",
            "filename YS5qcGc=,filename Yi5qcGc=",
            "filename YS5qcGc=,,filetype aW1hZ2U=",
            ",filename YS5qcGc=",
            "filename YS5qcGc= more",
            "filetype aW1hZ2UvanBlZw==",
            "filename ",
            metadata(filename=""),
            metadata(filename=b"\xff\xfe.jpg"),
            metadata(filename="a.jpg", sha1="0"),
            metadata(filename="a.jpg", sha1="g" * 40),
            metadata(filename="a.jpg", sha1="0" * 39),
            metadata(filename="a.jpg", sha1="0" * 64),
        ],
    )
    def test_not_understood(self, tus: Tus, meta: str) -> None:
        refused(tus.post(3, meta), 400, "bad_metadata")

    def test_not_there(self, tus: Tus) -> None:
        headers = VERSION | {"Upload-Length": "3"}
        refused(tus.ask("POST", "/files/", headers), 400, "bad_metadata")

    @pytest.mark.parametrize("size", [20_000, 64_000])
    def test_too_long(self, tus: Tus, size: int) -> None:
        meta = metadata(filename="a.jpg", novel="x" * size)
        refused(tus.post(3, meta), 431, "headers_too_large")

    def test_far_too_long(self, tus: Tus) -> None:
        """Past 256 KiB of headers Tornado hangs up without a word."""
        with pytest.raises((Hangup, ConnectionError)):
            tus.post(3, metadata(filename="a.jpg", novel="x" * 1_000_000))

    @pytest.mark.parametrize("key", ["session", "item"])
    @pytest.mark.parametrize("value", ["", "\0", "x" * 5000, "../..", "' OR 1=1 --"])
    def test_strange_sessions_and_items(self, tus: Tus, key: str, value: str) -> None:
        meta = metadata(filename="a.jpg", **{"session": "s", "item": "i", key: value})
        answer = tus.post(3, meta)
        if answer.status == 201:
            assert tus.offset(path_of(answer["Location"])) == 0
        else:
            refused(answer, 400, "bad_metadata")

    def test_a_wrong_checksum_never_reaches_immich(self, tus: Tus, immich: Immich) -> None:
        data = b"these are not the bytes that were named"
        url = tus.create(len(data), sha1="0" * 40)
        refused(tus.patch(url, 0, data), 460, "checksum_mismatch")
        assert tus.offset(url) < len(data)
        assert not immich.assets(data)

    def test_the_right_checksum_in_capitals(self, tus: Tus, immich: Immich) -> None:
        data = b"named in capitals"
        tus.upload(data, sha1=hashlib.sha1(data).hexdigest().upper())
        immich.wait_for(data)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "rest"),
        [
            ("../../etc/passwd.jpg", "passwd"),
            ("..\\..\\boot.jpg", "boot"),
            ("C:\\fakepath\\beach.jpg", "beach"),
            ("/var/lib/beach.jpg", "beach"),
            ("be\0ach.jpg", "ach"),
            ("be\nach\r\nX-Evil: 1.jpg", "ach"),
            ('be"ach; filename="evil.jpg', "ach"),
            ("be'ach\\\".jpg", "jpg"),
            ("Grüße 🎉 日本.jpg", "Grüße 🎉 日本"),
            ("é" * 500 + ".jpg", "ééé"),
            ("x" * 1000 + ".JPG", "xxx"),
            ("<img src=x onerror=alert(1)>.jpg", "img"),
            ("%2e%2e%2fbeach.jpg", "beach"),
            ("$(reboot) `id`.jpg", "reboot"),
            ("\u202egpj.hcaeb.jpg", "gpj"),
            ("beach\u2028.jpg", "beach"),
            (" beach .jpg", "beach"),
            ("-rf.jpg", "rf"),
            ("\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace") + ".jpg", ""),
        ],
    )
    def test_arrive_harmless_and_recognisable(
        self, tus: Tus, immich: Immich, name: str, rest: str
    ) -> None:
        data = f"named {name!r}".encode()
        tus.upload(data, filename=name)
        arrived = immich.wait_for(data).name
        assert rest in arrived
        assert arrived.lower().endswith(".jpg")
        assert len(arrived.encode()) <= 255
        assert not set(arrived) & set('/\\\0\r\n"')

    @pytest.mark.parametrize("name", ["a.exe", "a", "a.jpg.exe", ".jpg/a", "a.jpg\0.exe", "jpg"])
    def test_extensions_immich_does_not_take(self, tus: Tus, name: str) -> None:
        refused(tus.post(3, metadata(filename=name)), 415, "type_not_accepted")

    @pytest.mark.parametrize("name", ["a.JPG", "a.heic", "A.MoV", "a.b.mp4", "a.dng"])
    def test_extensions_immich_takes(self, tus: Tus, name: str) -> None:
        assert tus.post(3, metadata(filename=name)).status == 201


class TestSizes:
    def test_zero_bytes(self, tus: Tus) -> None:
        refused(tus.post(0), 400, "empty_file")

    def test_zero_bytes_after_all(self, tus: Tus) -> None:
        url = tus.create(None)
        refused(tus.patch(url, 0, b"", **{"Upload-Length": "0"}), 400, "empty_file")

    def test_a_body_longer_than_announced_is_another_request(self, tus: Tus) -> None:
        url = tus.create(6)
        with tus.connect() as connection:
            headers = patch_headers(0, **{"Content-Length": "3"})
            connection.send(request("PATCH", url, headers) + b"abcdef")
            assert connection.response(to="PATCH")["Upload-Offset"] == "3"
            connection.finish()
            connection.until_closed()
        assert tus.offset(url) == 3
