"""What is hardly HTTP, or asks for what is not there: refused or closed, and nobody else notices.

The product's fixture checks at its end that no traceback and no warning is in the log.
"""

import gzip

import pytest
from harness.expect import refused, usable_or_closed
from harness.tus import VERSION, Tus, patch_headers
from harness.wire import chunked, request

pytestmark = pytest.mark.usefixtures("bystander")


class TestFraming:
    @pytest.mark.parametrize("value", ["-3", "+3", "3_0", "0x3", "3, 4", "three", ""])
    def test_content_length(self, tus: Tus, value: str) -> None:
        victim, url = tus.create(3), tus.create(30)
        hidden = request("DELETE", victim, VERSION)
        with tus.connect() as connection:
            headers = patch_headers(0, **{"Content-Length": value})
            connection.send(request("PATCH", url, headers, hidden))
            connection.finish()
            said = connection.until_closed()
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
        assert (tus.offset(url), tus.offset(victim)) == (0, 0)

    @pytest.mark.parametrize(
        "size", [b"+3", b"0x3", b"-3", b"3_0", b"", b"zz", b"f" * 40, b"3 ", b"3;\n"]
    )
    def test_chunk_sizes(self, tus: Tus, size: bytes) -> None:
        """What follows is no request, wherever in it a parser begins to read."""
        victim, url = tus.create(3), tus.create(30)
        headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        hidden = request("DELETE", victim, VERSION)
        with tus.connect() as connection:
            connection.send(request("PATCH", url, headers) + size + b"\r\n" + hidden)
            connection.finish()
            assert b" 204 " not in connection.until_closed()
        assert (tus.offset(url), tus.offset(victim)) == (0, 0)

    @pytest.mark.parametrize(
        "trailer",
        [
            b"no field",
            b"a b: c",
            b"a: b\nc: d",
            b"\r\n".join([b"a: b"] * 100),
            b"a: " + b"b" * 5000,
        ],
        ids=["no-field", "space", "bare-lf", "many", "long"],
    )
    def test_trailers(self, tus: Tus, trailer: bytes) -> None:
        """Bytes that arrived are kept; where the next request would begin, nobody knows."""
        victim, url = tus.create(3), tus.create(30)
        headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        body = b"3\r\nabc\r\n0\r\n" + trailer + b"\r\n\r\n" + request("DELETE", victim, VERSION)
        with tus.connect() as connection:
            connection.send(request("PATCH", url, headers) + body)
            connection.finish()
            assert b" 204 " not in connection.until_closed()
        assert (tus.offset(url), tus.offset(victim)) == (3, 0)

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

    @pytest.mark.parametrize("body", [b"", b"abc"])
    @pytest.mark.parametrize(
        ("target", "verbs"),
        [
            ("/files/", {"POST", "OPTIONS"}),
            ("/files/{id}", {"HEAD", "PATCH", "DELETE", "OPTIONS"}),
            ("/api/known", {"POST"}),
            ("/healthz", {"GET", "HEAD"}),
            ("/ws", {"GET"}),
        ],
    )
    def test_verbs_that_are_none_here(
        self, tus: Tus, target: str, verbs: set[str], body: bytes
    ) -> None:
        """RFC 9110 section 15.5.6: the answer has to name those that are some."""
        target = target.format(id=tus.create(3).rpartition("/")[2])
        with tus.connect() as connection:
            for verb in ("PUT", "BREW"):
                answer = connection.ask(verb, target, VERSION, body)
                refused(answer, 405, "method_not_allowed")
                assert set(answer["Allow"].split(", ")) == verbs
            usable_or_closed(connection, answer)

    @pytest.mark.parametrize("body", [b"", b"abc"])
    def test_what_tornado_refuses_by_itself(self, tus: Tus, body: bytes) -> None:
        with tus.connect() as connection:
            answer = connection.ask("PATCH", "/files/%ff", patch_headers(0), body)
            refused(answer, 400, "bad_request")
            usable_or_closed(connection, answer)

    @pytest.mark.parametrize("suffix", [".info", ".part", "/", "%20", "%00", "/../x"])
    def test_that_are_nearly_one(self, tus: Tus, suffix: str) -> None:
        """No side file and no sloppy match can be deleted."""
        url = tus.create(3)
        assert tus.delete(url + suffix).status in {400, 404}
        assert tus.offset(url) == 0

    def test_in_capitals(self, tus: Tus) -> None:
        path, _, id_ = tus.create(3).rpartition("/")
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
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
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
            b"[" * 60_000,
            b"\xff\xfe",
        ],
    )
    def test_known(self, tus: Tus, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        with tus.connect() as connection:
            answer = connection.ask("POST", "/api/known", headers, body)
            refused(answer, 400, "bad_request")
            usable_or_closed(connection, answer)

    @pytest.mark.parametrize("size", [100_000, 10**12])
    def test_known_with_a_body_far_too_long(self, tus: Tus, size: int) -> None:
        with tus.connect() as connection:
            headers = {"Content-Type": "application/json", "Content-Length": str(size)}
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
    squeezed = gzip.compress(b"x" * 1000)
    url = tus.create(1000)
    answer = tus.patch(url, 0, squeezed, **{"Content-Encoding": "gzip"})
    refused(answer, 415, "wrong_content_type")
    assert tus.offset(url) == 0
