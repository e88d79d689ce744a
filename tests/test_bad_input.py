"""What clients send by mistake or in malice: a clear refusal, nothing lost, nothing alarming logged.

The product's fixture checks at its end that no traceback and no warning is in the log.
"""

import base64
from collections.abc import Iterator

import pytest
from harness.expect import refused, usable_or_closed
from harness.immich import Immich
from harness.product import Product
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers, path_of
from harness.wire import Hangup, chunked, request

NOT_NUMBERS = ["", "three", "1e3", "+5", "-1", "1_0", "0x5", "5.0", "5 5", "5, 5", "\u0663", "٥"]
HUGE = ["1180591620717411303424", "9" * 5000]
"""2^70, and more digits than Python's int() takes."""


@pytest.fixture(autouse=True)
def _unharmed(tus: Tus) -> Iterator[None]:
    """Another guest's upload stands as before, whatever was sent."""
    url = tus.create(6)
    tus.patch(url, 0, b"abc")
    yield
    assert tus.offset(url) == 3
    assert tus.delete(url).status == 204


class TestNumbers:
    @pytest.mark.parametrize("value", NOT_NUMBERS)
    def test_upload_length(self, tus: Tus, value: str) -> None:
        refused(tus.post(value), 400)

    @pytest.mark.parametrize("value", HUGE, ids=["2^70", "5000 digits"])
    def test_upload_length_beyond_everything(self, tus: Tus, value: str) -> None:
        answer = tus.post(value)
        refused(answer, answer.status)
        assert answer.status in {400, 413}

    @pytest.mark.parametrize("value", NOT_NUMBERS)
    def test_upload_offset(self, tus: Tus, value: str) -> None:
        url = tus.create(3)
        headers = patch_headers(0) | {"Upload-Offset": value}
        refused(tus.ask("PATCH", url, headers, b"abc"), 400)
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("value", HUGE, ids=["2^70", "5000 digits"])
    def test_upload_offset_beyond_everything(self, tus: Tus, value: str) -> None:
        url = tus.create(3)
        answer = tus.ask("PATCH", url, patch_headers(0) | {"Upload-Offset": value}, b"abc")
        refused(answer, answer.status)
        assert answer.status in {400, 409}

    @pytest.mark.parametrize("value", [*NOT_NUMBERS, *HUGE])
    def test_length_of_a_deferred_upload(self, tus: Tus, value: str) -> None:
        url = tus.create(None)
        answer = tus.patch(url, 0, b"abc", **{"Upload-Length": value})
        refused(answer, answer.status)
        assert answer.status in {400, 413}
        assert tus.head(url)["Upload-Defer-Length"] == "1"

    @pytest.mark.parametrize("value", ["", "soon", "1e3", "-1", "0", *HUGE, "٥", "NaN", "1.5"])
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

    @pytest.mark.parametrize("size", [20_000, 64_000, 1_000_000])
    def test_far_too_long(self, tus: Tus, size: int) -> None:
        """Past 64 KiB of headers Tornado hangs up without a word."""
        meta = metadata(filename="a.jpg", novel="x" * size)
        try:
            answer = tus.post(3, meta)
        except (Hangup, ConnectionError):
            assert size > 40_000
        else:
            refused(answer, answer.status)
            assert answer.status in {400, 431}

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
        import hashlib

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

    @pytest.mark.parametrize("value", ["-3", "+3", "3_0", "0x3", "3, 4", "three", ""])
    def test_content_length(self, tus: Tus, value: str) -> None:
        url = tus.create(30)
        with tus.connect() as connection:
            headers = patch_headers(0, **{"Content-Length": value})
            connection.send(request("PATCH", url, headers, b"abc"))
            connection.finish()
            said = connection.until_closed()
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("size", [b"+3", b"0x3", b"-3", b"3_0", b"", b"zz", b"f" * 40])
    def test_chunk_sizes(self, tus: Tus, size: bytes) -> None:
        url = tus.create(30)
        headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        with tus.connect() as connection:
            connection.send(request("PATCH", url, headers) + size + b"\r\nabc\r\n0\r\n\r\n")
            connection.finish()
            assert b" 204 " not in connection.until_closed()
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("coding", ["chunked", "Chunked", "identity", "gzip, chunked", "x"])
    def test_two_framings_are_none(self, tus: Tus, coding: str) -> None:
        """Whoever believes the other one runs the rest as a request."""
        victim, url = tus.create(3), tus.create(300)
        hidden = request("DELETE", victim, VERSION)
        headers = patch_headers(0, **{"Content-Length": "5", "Transfer-Encoding": coding})
        with tus.connect() as connection:
            connection.send(request("PATCH", url, headers) + chunked() + hidden)
            connection.finish()
            assert b" 204 " not in connection.until_closed()
        assert tus.offset(victim) == 0


class TestIds:
    @pytest.mark.parametrize("verb", ["HEAD", "PATCH", "DELETE"])
    @pytest.mark.parametrize(
        "id_",
        [
            "..%2f..%2fstate.db",
            "../data/state.db",
            "%2e%2e",
            ".",
            "%00",
            "a%00b",
            "a" * 300,
            "a/b",
            "%ff%fe",
            "*",
            "' OR 1=1 --".replace(" ", "%20"),
            "%F0%9F%8E%89",
        ],
    )
    def test_that_are_none(self, tus: Tus, verb: str, id_: str) -> None:
        answer = tus.ask(verb, f"/files/{id_}", patch_headers(0), b"a" if verb == "PATCH" else b"")
        assert answer.status in {400, 404}, answer
        if verb != "HEAD":
            refused(answer, answer.status)

    @pytest.mark.parametrize(
        "verb",
        ["__init__", "redirect", "finish", "write", "render", "get", "initialize", "", "a b"],
    )
    def test_methods_that_are_none_are_not_called(self, tus: Tus, verb: str) -> None:
        """Tornado looks the method up by its name, after `prepare`."""
        url = tus.create(3)
        refused(tus.ask("POST", url, patch_headers(0, **{"X-HTTP-Method-Override": verb})), 405)
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("suffix", [".info", ".part", "/", "%20", "%00", "/../x", "?x=1#y"])
    def test_that_are_nearly_one(self, tus: Tus, product: Product, suffix: str) -> None:
        url = tus.create(3)
        tus.delete(url + suffix) if "?" not in suffix else None
        assert tus.offset(url) == 0

    def test_a_wrong_id_in_any_case(self, tus: Tus) -> None:
        url = tus.create(3)
        path, _, id_ = url.rpartition("/")
        if id_.swapcase() != id_:
            assert tus.head(f"{path}/{id_.swapcase()}").status == 404


class TestNotEvenHttp:
    @pytest.mark.parametrize(
        "noise",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\r\n\r\n\r\n",
            b"GET\r\n\r\n",
            b"PATCH /files/x HTTP/9.9\r\n\r\n",
            b"HEAD /files/x HTTP/1.1\r\nNo colon\r\n\r\n",
            b"HEAD /files/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
            bytes(range(256)) * 10,
        ],
        ids=["tls", "h2", "blank", "short", "version", "colon", "hosts", "long", "bytes"],
    )
    def test_is_closed_or_refused(self, tus: Tus, noise: bytes) -> None:
        with tus.connect() as connection:
            try:
                connection.send(noise)
                connection.finish()
            except OSError:
                return
            said = connection.until_closed()
        assert said == b"" or said.startswith(b"HTTP/1.1 4"), said[:200]


class TestApi:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b"[]",
            b"null",
            b"{}",
            b'{"session": "s"}',
            b'{"session": "s", "checksums": "abc"}',
            b'{"session": "s", "checksums": [1]}',
            b'{"session": "s", "checksums": ["xyz"]}',
            b'{"session": "s", "checksums": ["\\ud800"]}',
            b'{"session": "s", "checksums": [' + b",".join([b'"' + b"0" * 40 + b'"'] * 101) + b"]}",
            b"[" * 100_000,
            b"\xff\xfe",
        ],
    )
    def test_known(self, tus: Tus, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        with tus.connect() as connection:
            answer = connection.ask("POST", "/api/known", headers, body)
            refused(answer, answer.status)
            assert answer.status in {400, 413}
            usable_or_closed(connection, answer)

    def test_known_with_a_body_of_no_end(self, tus: Tus) -> None:
        with tus.connect() as connection:
            headers = {"Content-Type": "application/json", "Content-Length": str(10**12)}
            connection.send(request("POST", "/api/known", headers))
            answer = connection.response()
            assert answer.status in {400, 413}

    def test_uploads_without_a_session(self, tus: Tus) -> None:
        refused(tus.ask("GET", "/api/uploads", {}), 400)

    def test_retry_of_what_is_not_ones_own(self, tus: Tus, session: str) -> None:
        id_ = tus.create(3, session=session).rpartition("/")[2]
        stranger = {"Drop-Session": session[::-1]}
        refused(tus.ask("POST", f"/api/uploads/{id_}/retry", stranger), 404, "not_found")
        refused(tus.ask("POST", "/api/uploads/nothing/retry", stranger), 404, "not_found")

    def test_retry_of_what_has_not_failed(self, tus: Tus, session: str) -> None:
        id_ = tus.create(3, session=session).rpartition("/")[2]
        own = {"Drop-Session": session}
        refused(tus.ask("POST", f"/api/uploads/{id_}/retry", own), 409, "state_conflict")

    @pytest.mark.parametrize(
        "target",
        ["/api/nothing", "/.env", "/server.py", "/js/../../server.py", "/js/..%2f..%2fserver.py"]
        + ["/js/%2e%2e/%2e%2e/server.py", "//etc/passwd", "/js/%00", "/data/state.db", "/js/"],
    )
    def test_what_is_not_there(self, tus: Tus, target: str) -> None:
        answer = tus.ask("GET", target, {})
        assert answer.status in {400, 403, 404}, answer
        assert b"import" not in answer.body


def test_a_compressed_body_is_not_inflated(tus: Tus) -> None:
    import gzip

    squeezed = gzip.compress(b"x" * 1000)
    url = tus.create(1000)
    answer = tus.patch(url, 0, squeezed, **{"Content-Encoding": "gzip"})
    assert answer.status in {204, 400, 415}
    assert tus.offset(url) in {0, len(squeezed)}


def test_metadata_of_a_padded_kind(tus: Tus) -> None:
    meta = "filename " + base64.b64encode(b"ab.jpg").decode() + " "
    answer = tus.ask(
        "POST",
        "/files/",
        VERSION | {"Upload-Length": "3", "Upload-Metadata": meta, "Content-Type": OCTETS},
    )
    assert answer.status in {201, 400}
