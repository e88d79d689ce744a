"""tus 1.0.0, the core protocol, as it looks on the wire."""

import pytest
from harness.expect import refused, usable_or_closed
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers, path_of
from harness.wire import chunked, request

VERBS = ["POST", "HEAD", "PATCH", "DELETE"]


def test_options_tells_what_the_server_can(tus: Tus) -> None:
    answer = tus.ask("OPTIONS", "/files/", headers={})
    assert answer.status == 204
    assert answer["Tus-Resumable"] == "1.0.0"
    assert answer["Tus-Version"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "expiration",
        "checksum",
    }
    assert answer["Tus-Max-Size"] == str(50 * 10**9)
    assert "sha1" in answer["Tus-Checksum-Algorithm"].split(",")


def test_options_ignores_the_version_the_client_speaks(tus: Tus) -> None:
    assert tus.ask("OPTIONS", "/files/", {"Tus-Resumable": "0.2.2"}).status == 204


def test_options_of_an_upload(tus: Tus) -> None:
    assert tus.ask("OPTIONS", tus.create(3), headers={}).status == 204


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", "1", ""])
@pytest.mark.parametrize("verb", VERBS)
def test_another_version_is_refused_and_nothing_is_done(
    tus: Tus, verb: str, version: str | None
) -> None:
    url = tus.create(3)
    headers = patch_headers(
        0, **{"Upload-Length": "3", "Upload-Metadata": metadata(filename="a.jpg")}
    )
    del headers["Tus-Resumable"]
    if version is not None:
        headers["Tus-Resumable"] = version
    target = "/files/" if verb == "POST" else url
    answer = tus.ask(verb, target, headers, b"abc" if verb == "PATCH" else b"")
    assert answer.status == 412
    assert answer["Tus-Version"] == "1.0.0"
    assert "Location" not in answer.headers
    assert tus.offset(url) == 0


def test_every_success_names_the_version(tus: Tus) -> None:
    created = tus.post(3)
    url = path_of(created["Location"])
    answers = [created, tus.head(url), tus.patch(url, 0, b"ab"), tus.delete(url)]
    assert [answer["Tus-Resumable"] for answer in answers] == ["1.0.0"] * 4


def test_every_refusal_names_the_version(tus: Tus) -> None:
    url = tus.create(3)
    answers = [
        tus.head("/files/nothing"),
        tus.patch(url, 1, b"a"),
        tus.ask("PATCH", url, patch_headers(0) | {"Content-Type": "text/plain"}, b"a"),
        tus.ask("GET", url),
        tus.ask("PUT", url, VERSION, b"abc"),
        tus.post("three"),
        tus.patch(url, 0, b"abcd"),
    ]
    assert [answer.status for answer in answers] == [404, 409, 415, 405, 405, 400, 413]
    assert [answer.get("Tus-Resumable") for answer in answers] == ["1.0.0"] * 7


def test_head_tells_offset_and_length_and_is_never_cached(tus: Tus) -> None:
    url = tus.create(5)
    tus.patch(url, 0, b"ab")
    answer = tus.head(url)
    assert answer.status == 200
    assert answer["Upload-Offset"] == "2"
    assert answer["Upload-Length"] == "5"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("verb", ["HEAD", "PATCH", "DELETE"])
def test_an_unknown_upload_is_not_found(tus: Tus, verb: str) -> None:
    answer = tus.ask(verb, "/files/0123456789abcdef", patch_headers(0))
    assert answer.status == 404
    assert "Upload-Offset" not in answer.headers


def test_no_byte_is_given_back(tus: Tus) -> None:
    refused(tus.ask("GET", tus.create(3)), 405)


def test_patch_moves_the_offset(tus: Tus) -> None:
    url = tus.create(6)
    first = tus.patch(url, 0, b"abc")
    second = tus.patch(url, 3, b"def")
    assert [first.status, second.status] == [204, 204]
    assert [first["Upload-Offset"], second["Upload-Offset"]] == ["3", "6"]
    assert first.body == second.body == b""


@pytest.mark.parametrize("offset", [0, 2, 4, 6])
def test_patch_at_another_offset_is_a_conflict(tus: Tus, offset: int) -> None:
    url = tus.create(6)
    tus.patch(url, 0, b"abc")
    refused(tus.patch(url, offset, b"x"), 409, "offset_conflict")
    assert tus.offset(url) == 3


def test_patch_needs_an_offset(tus: Tus) -> None:
    refused(tus.ask("PATCH", tus.create(3), VERSION | {"Content-Type": OCTETS}, b"abc"), 400)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/octet-stream", f"text/plain; a={OCTETS}"]
)
def test_patch_of_another_content_type(tus: Tus, kind: str | None) -> None:
    url = tus.create(3)
    headers = patch_headers(0)
    del headers["Content-Type"]
    refused(
        tus.ask("PATCH", url, headers | ({"Content-Type": kind} if kind else {}), b"abc"),
        415,
        "wrong_content_type",
    )
    assert tus.offset(url) == 0


def test_an_empty_patch_changes_nothing(tus: Tus) -> None:
    url = tus.create(3)
    tus.patch(url, 0, b"ab")
    answer = tus.patch(url, 2, b"")
    assert (answer.status, answer["Upload-Offset"]) == (204, "2")


def test_a_complete_upload_still_answers(tus: Tus) -> None:
    """A client that lost the last 204 asks, or sends an empty PATCH."""
    url = tus.upload(b"abc")
    answer = tus.head(url)
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("3", "3")
    again = tus.patch(url, 3, b"")
    assert (again.status, again["Upload-Offset"]) == (204, "3")


def test_nothing_is_added_to_a_complete_upload(tus: Tus) -> None:
    url = tus.upload(b"abc")
    assert tus.patch(url, 3, b"d").status in {409, 413}
    assert tus.patch(url, 0, b"abc").status == 409
    assert tus.offset(url) == 3


def test_a_body_longer_than_the_rest_is_not_stored(tus: Tus) -> None:
    url = tus.create(5)
    tus.patch(url, 0, b"ab")
    refused(tus.patch(url, 2, b"cdeXYZ"), 413, "too_large")
    assert tus.offset(url) == 2


def test_a_chunked_body_longer_than_the_rest_does_not_complete_the_upload(tus: Tus) -> None:
    url = tus.create(5)
    headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
    refused(tus.ask("PATCH", url, headers, chunked(b"ab", b"cdeXYZ")), 413, "too_large")
    assert tus.offset(url) < 5


def test_a_chunked_body(tus: Tus) -> None:
    url = tus.create(6)
    headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
    answer = tus.ask("PATCH", url, headers, chunked(b"a", b"bc", b"d"))
    assert (answer.status, answer["Upload-Offset"]) == (204, "4")


@pytest.mark.parametrize(
    "body",
    [
        b"3;a=b\r\nabc\r\n0;c\r\n\r\n",
        b'3 ; a="b;c"\r\nabc\r\n0\r\n\r\n',
        b"3\r\nabc\r\n0\r\nDigest: sha-256=x\r\nX-Other:\r\n\r\n",
    ],
    ids=["extensions", "quoted", "trailers"],
)
def test_chunk_extensions_and_trailers_are_ignored(tus: Tus, body: bytes) -> None:
    """RFC 9112, sections 7.1.1 and 7.1.2; the connection serves on."""
    url = tus.create(6)
    with tus.connect() as connection:
        headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        answer = connection.ask("PATCH", url, headers, body)
        assert (answer.status, answer["Upload-Offset"]) == (204, "3")
        assert connection.ask("PATCH", url, patch_headers(3), b"def").status == 204


@pytest.mark.parametrize("actual", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("verb", "body", "status"), [("PATCH", b"abc", 204), ("DELETE", b"", 204), ("HEAD", b"", 200)]
)
def test_the_method_may_be_overridden(
    tus: Tus, actual: str, verb: str, body: bytes, status: int
) -> None:
    """Some networks let only GET and POST through; "the actual method MUST be ignored"."""
    url = tus.create(3)
    headers = patch_headers(0, **{"X-HTTP-Method-Override": verb})
    answer = tus.ask(actual, url, headers, body)
    assert answer.status == status
    if verb == "DELETE":
        assert tus.head(url).status == 404
    else:
        assert answer["Upload-Offset"] == str(len(body))


def test_white_space_around_a_number_is_not_part_of_it(tus: Tus) -> None:
    """RFC 9110, 5.5."""
    url = tus.create(3)
    assert (
        tus.ask("PATCH", url, patch_headers(0) | {"Upload-Offset": "  0\t"}, b"abc").status == 204
    )


def test_expect_continue_is_answered_before_the_body(tus: Tus) -> None:
    url = tus.create(3)
    headers = patch_headers(0, **{"Expect": "100-continue", "Content-Length": "3"})
    with tus.connect() as connection:
        assert connection.ask("PATCH", url, headers).status == 100
        connection.send(b"abc")
        assert connection.response(to="PATCH").status == 204


def test_expect_continue_is_answered_also_where_the_body_is_of_no_use(tus: Tus) -> None:
    headers = VERSION | {"Expect": "100-continue", "Content-Length": "3"}
    with tus.connect() as connection:
        assert connection.ask("DELETE", tus.create(3), headers).status == 100
        connection.send(b"abc")
        assert connection.response(to="DELETE").status == 204


def test_a_client_of_http_1_0_hears_no_continue(tus: Tus) -> None:
    """RFC 9110 section 10.1.1: it would take it for the answer."""
    url = tus.create(3)
    asked = request("PATCH", url, patch_headers(0, Expect="100-continue"), b"abc")
    with tus.connect() as connection:
        connection.send(asked.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert connection.response(to="PATCH").status == 204


def test_a_conflict_comes_before_the_body_is_sent(tus: Tus) -> None:
    url = tus.create(3)
    headers = patch_headers(2, **{"Expect": "100-continue", "Content-Length": "1"})
    with tus.connect() as connection:
        answer = connection.ask("PATCH", url, headers)
        refused(answer, 409, "offset_conflict")


@pytest.mark.parametrize("size", [10, 300_000])
def test_requests_follow_each_other_on_one_connection(tus: Tus, size: int) -> None:
    url = tus.create(2 * size)
    with tus.connect() as connection:
        for offset in (0, size):
            answer = connection.ask("PATCH", url, patch_headers(offset), b"x" * size)
            assert (answer.status, answer["Upload-Offset"]) == (204, str(offset + size))
            assert connection.ask("HEAD", url, VERSION)["Upload-Offset"] == str(offset + size)


def test_pipelined_requests_are_answered_in_order(tus: Tus) -> None:
    url = tus.create(600_006)
    big = b"x" * 600_000
    with tus.connect() as connection:
        connection.send(
            request("PATCH", url, patch_headers(0), b"abc")
            + request("HEAD", url, VERSION)
            + request("PATCH", url, patch_headers(3), big)
            + request("PATCH", url, patch_headers(600_003), b"def")
        )
        answers = [connection.response(to=verb) for verb in ("PATCH", "HEAD", "PATCH", "PATCH")]
    assert [answer.status for answer in answers] in ([204, 200, 204, 204], [204, 204, 204, 204])
    assert [a["Upload-Offset"] for a in answers] == ["3", "3", "600003", "600006"]


@pytest.mark.parametrize("offset", [0, 7])
def test_an_answer_that_says_close_is_the_last_one(tus: Tus, session: str, offset: int) -> None:
    """RFC 9112 section 9.6: whoever says so has to close."""
    url = tus.create(6, session=session)
    headers = patch_headers(offset, **{"Transfer-Encoding": "chunked"})
    with tus.connect() as connection:
        answer = connection.ask("PATCH", url, headers, chunked(b"abc"))
        assert (answer.status, answer["Connection"]) == (409 if offset else 204, "close")
        assert connection.until_closed() == b""


@pytest.mark.parametrize("size", [0, 10, 4 << 20])
@pytest.mark.parametrize(
    ("headers", "status"),
    [(patch_headers(7), 409), (patch_headers(0) | {"Content-Type": "text/plain"}, 415), ({}, 412)],
    ids=["409", "415", "412"],
)
def test_a_refusal_reaches_a_client_that_sends_before_it_reads(
    tus: Tus, headers: dict[str, str], status: int, size: int
) -> None:
    """An answer followed by a reset is lost on some systems: the body is drained first."""
    url = tus.create(4 << 20)
    with tus.connect() as connection:
        answer = connection.ask("PATCH", url, headers, b"x" * size)
        refused(answer, status)
        usable_or_closed(connection, answer)


def test_a_refused_body_is_never_taken_for_a_request(tus: Tus) -> None:
    victim, url = tus.create(3), tus.create(3)
    hidden = request("DELETE", victim, VERSION)
    with tus.connect() as connection:
        refused(connection.ask("PATCH", url, patch_headers(1), hidden), 409)
        connection.finish()
        assert b"HTTP/1.1 204" not in connection.until_closed()
    assert tus.head(victim).status == 200


def test_the_upload_url_is_absolute_and_of_the_host_the_client_used(tus: Tus) -> None:
    answer = tus.ask(
        "POST",
        "/files/",
        VERSION
        | {"Host": "drop.example:8443", "Upload-Length": "3"}
        | {"Upload-Metadata": metadata(filename="a.jpg")},
    )
    assert answer["Location"].startswith("http://drop.example:8443/files/")


def test_forwarded_headers_of_a_stranger_count_for_nothing(tus: Tus) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    assert tus.post(3, headers=forwarded)["Location"].startswith("http://drop.example/files/")


def test_nothing_invites_other_sites(tus: Tus) -> None:
    answer = tus.post(3, headers={"Origin": "https://evil.example"})
    assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize(
    "kind", [OCTETS.title(), f"{OCTETS}; charset=utf-8", f'{OCTETS}\t;a="b;c"', f"{OCTETS};"]
)
def test_the_content_type_may_be_written_in_many_ways(tus: Tus, kind: str) -> None:
    """RFC 9110, 8.3.1."""
    url = tus.create(3)
    headers = patch_headers(0) | {"Content-Type": kind}
    assert tus.ask("PATCH", url, headers, b"abc").status == 204
