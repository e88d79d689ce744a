"""tus 1.0.0: creation, creation-with-upload, creation-defer-length, termination, expiration,
checksum."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import Tus, metadata, patch_headers, path_of, sha1
from harness.wait import until
from harness.wire import chunked, request


class TestCreation:
    def test_a_new_upload_stands_at_its_beginning(self, tus: Tus) -> None:
        url = tus.create(5)
        assert (tus.head(url)["Upload-Offset"], tus.head(url)["Upload-Length"]) == ("0", "5")

    def test_metadata_comes_back_as_it_was_sent(self, tus: Tus) -> None:
        meta = metadata(filename="Grüße 🎉.jpg", filetype="image/jpeg", flag=None)
        url = path_of(tus.post(5, meta)["Location"])
        assert set(tus.head(url)["Upload-Metadata"].split(",")) == set(meta.split(","))

    def test_urls_are_unguessable(self, tus: Tus) -> None:
        ids = {tus.create(5).rpartition("/")[2] for _ in range(20)}
        assert len(ids) == 20
        assert min(map(len, ids)) >= 20

    def test_the_same_item_of_a_session_is_the_same_upload(self, tus: Tus, session: str) -> None:
        """A page whose 201 was lost asks again."""
        url = tus.create(5, session=session, item="1")
        tus.patch(url, 0, b"ab")
        assert tus.create(5, session=session, item="1") == url
        assert tus.offset(url) == 2
        assert tus.create(5, session=session, item="2") != url
        assert tus.create(5, session=session[::-1], item="1") != url

    @pytest.mark.parametrize("part", ["partial", "final;/files/a /files/b"])
    def test_a_part_of_a_file_is_no_file(self, tus: Tus, part: str) -> None:
        """Concatenation is not offered, but tus-js-client asks for it without looking."""
        refused(tus.post(5, headers={"Upload-Concat": part}), 400, "bad_request")

    def test_a_larger_file_than_allowed_is_refused(self, tus: Tus) -> None:
        limit = int(tus.ask("OPTIONS", "/files/", {})["Tus-Max-Size"])
        refused(tus.post(limit + 1), 413, "too_large")


class TestCreationWithUpload:
    def test_the_whole_file_in_one_request(self, tus: Tus, immich: Immich) -> None:
        data = b"a whole file in one request"
        answer = tus.post(len(data), body=data)
        assert (answer.status, answer["Upload-Offset"]) == (201, str(len(data)))
        immich.wait_for(data)

    def test_the_first_part(self, tus: Tus) -> None:
        answer = tus.post(6, body=b"abc")
        assert (answer.status, answer["Upload-Offset"]) == (201, "3")
        assert tus.patch(path_of(answer["Location"]), 3, b"def").status == 204

    def test_a_chunked_body(self, tus: Tus) -> None:
        headers = {"Transfer-Encoding": "chunked"}
        answer = tus.post(6, body=chunked(b"ab", b"c"), headers=headers)
        assert (answer.status, answer["Upload-Offset"]) == (201, "3")

    def test_more_than_the_file(self, tus: Tus, session: str) -> None:
        meta = metadata(filename="a.jpg", session=session, item="1")
        refused(tus.post(3, meta, body=b"abcd"), 413, "too_large")
        assert tus.offset(tus.create(3, session=session, item="1")) == 0

    def test_another_content_type(self, tus: Tus) -> None:
        answer = tus.post(3, body=b"abc", headers={"Content-Type": "image/jpeg"})
        refused(answer, 415, "wrong_content_type")

    @pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", ""])
    def test_a_content_type_without_content(self, tus: Tus, kind: str) -> None:
        """aiohttp, and aiotus with it, names one with every POST."""
        answer = tus.post(3, headers={"Content-Type": kind})
        assert (answer.status, answer["Upload-Offset"]) == (201, "0")

    def test_again_after_a_lost_answer_brings_no_byte_twice(self, tus: Tus, session: str) -> None:
        meta = metadata(filename="a.jpg", session=session, item="1")
        first = tus.post(6, meta, body=b"abc")
        again = tus.post(6, meta, body=b"abc")
        assert again["Location"] == first["Location"]
        assert tus.offset(path_of(again["Location"])) == 3


class TestDeferredLength:
    def test_the_length_comes_with_a_later_chunk(self, tus: Tus, immich: Immich) -> None:
        data = b"the length of this was not known at first"
        url = tus.create(None)
        assert tus.head(url)["Upload-Defer-Length"] == "1"
        assert tus.head(url).get("Upload-Length") is None
        assert tus.patch(url, 0, data[:9]).status == 204
        answer = tus.patch(url, 9, data[9:], **{"Upload-Length": str(len(data))})
        assert answer.status == 204
        assert tus.head(url)["Upload-Length"] == str(len(data))
        assert tus.head(url).get("Upload-Defer-Length") is None
        immich.wait_for(data)

    def test_the_length_comes_with_nothing_else(self, tus: Tus, immich: Immich) -> None:
        data = b"the length came after the last byte"
        url = tus.create(None)
        tus.patch(url, 0, data)
        answer = tus.patch(url, len(data), b"", **{"Upload-Length": str(len(data))})
        assert answer.status == 204
        immich.wait_for(data)

    def test_a_length_once_told_stays(self, tus: Tus) -> None:
        url = tus.create(None)
        tus.patch(url, 0, b"abc", **{"Upload-Length": "9"})
        assert tus.patch(url, 3, b"def", **{"Upload-Length": "10"}).status == 400
        assert tus.head(url)["Upload-Length"] == "9"
        assert tus.offset(url) == 3

    def test_a_length_shorter_than_what_is_there(self, tus: Tus) -> None:
        url = tus.create(None)
        tus.patch(url, 0, b"abc")
        assert tus.patch(url, 3, b"", **{"Upload-Length": "2"}).status == 413
        assert tus.head(url)["Upload-Defer-Length"] == "1"

    @pytest.mark.parametrize(
        ("offset", "body", "status"), [(9, b"", 409), (9, b"def", 409), (3, b"defghi", 413)]
    )
    def test_a_length_told_by_a_refused_chunk_is_not_told(
        self, tus: Tus, offset: int, body: bytes, status: int
    ) -> None:
        url = tus.create(None)
        tus.patch(url, 0, b"abc")
        refused(tus.patch(url, offset, body, **{"Upload-Length": "6"}), status)
        assert tus.head(url)["Upload-Defer-Length"] == "1"
        assert tus.offset(url) == 3

    @pytest.mark.parametrize(
        ("headers", "status"),
        [({"Upload-Checksum": sha1(b"other")}, 460), ({"Transfer-Encoding": "chunked"}, 413)],
        ids=["another checksum", "too long"],
    )
    def test_a_length_told_by_bytes_that_were_dropped_is_not_told(
        self, tus: Tus, immich: Immich, headers: dict[str, str], status: int
    ) -> None:
        """ "The upload and its offset MUST NOT be updated." """
        data = f"the length was told twice, after {status}".encode()
        url = tus.create(None)
        tus.patch(url, 0, data[:3])
        wrong = {"Upload-Length": "6"} | headers
        body = chunked(data[3:]) if status == 413 else data[3:6]
        refused(tus.patch(url, 3, body, **wrong), status)
        assert tus.head(url)["Upload-Defer-Length"] == "1"
        right = {"Upload-Length": str(len(data))}
        assert tus.patch(url, 3, data[3:], **right).status == 204
        immich.wait_for(data)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Upload-Defer-Length": "2"},
            {"Upload-Defer-Length": "true"},
            {"Upload-Defer-Length": "1", "Upload-Length": "3"},
        ],
    )
    def test_exactly_one_of_length_and_defer_length(
        self, tus: Tus, headers: dict[str, str]
    ) -> None:
        refused(tus.post(None, headers=headers), 400)

    def test_a_larger_length_than_allowed(self, tus: Tus) -> None:
        limit = int(tus.ask("OPTIONS", "/files/", {})["Tus-Max-Size"])
        url = tus.create(None)
        refused(tus.patch(url, 0, b"abc", **{"Upload-Length": str(limit + 1)}), 413, "too_large")


class TestTermination:
    def test_an_upload_can_be_given_up(self, tus: Tus) -> None:
        url = tus.create(5)
        tus.patch(url, 0, b"ab")
        answer = tus.delete(url)
        assert (answer.status, answer.body) == (204, b"")
        assert tus.head(url).status == 404
        assert tus.patch(url, 2, b"cde").status == 404
        assert tus.delete(url).status == 404

    def test_no_bytes_stay_behind(self, tus: Tus, product: Product) -> None:
        before = product.spool
        url = tus.create(5)
        tus.patch(url, 0, b"ab")
        assert product.spool != before
        tus.delete(url)
        assert product.spool == before

    def test_what_was_promised_is_not_taken_back(self, tus: Tus, immich: Immich) -> None:
        data = b"received is a promise"
        with immich.held():
            url = tus.upload(data)
            refused(tus.delete(url), 409, "state_conflict")
        immich.wait_for(data)

    def test_an_item_can_be_created_again(self, tus: Tus, session: str) -> None:
        url = tus.create(5, session=session, item="1")
        tus.delete(url)
        again = tus.create(5, session=session, item="1")
        assert again != url
        assert tus.offset(again) == 0


class TestExpiration:
    def test_the_deadline_is_told_until_the_upload_is_complete(self, tus: Tus) -> None:
        created = tus.post(5)
        url = path_of(created["Location"])
        deadline = parsedate_to_datetime(created["Upload-Expires"])
        assert created["Upload-Expires"].endswith(" GMT")
        assert parsedate_to_datetime(tus.patch(url, 0, b"ab")["Upload-Expires"]) >= deadline
        assert tus.patch(url, 2, b"cde").get("Upload-Expires") is None

    def test_only_what_was_received_outlives_it(self, immich: Immich, tmp_path: Path) -> None:
        """What a guest never finished goes; what Immich has not taken yet stays."""
        data = b"received, and Immich takes longer than the expiration"
        with running(tmp_path, **immich.settings, UPLOAD_EXPIRATION="1s") as product:
            with immich.held():
                product.tus.upload(data)
                url = product.tus.create(5)
                product.tus.patch(url, 0, b"ab")
                deadline = parsedate_to_datetime(product.tus.head(url)["Upload-Expires"])
                deadline += timedelta(seconds=1)  # the header has no fractions
                until(lambda: datetime.now(UTC) > deadline, "the deadline")
                product.crash()
                until(lambda: product.tus.head(url).status == 404, "the upload to expire")
                until(lambda: len(product.spool) == 1, "its bytes to go")
            immich.wait_for(data)


class TestChecksum:
    def test_a_chunk_that_is_what_it_says(self, tus: Tus, immich: Immich) -> None:
        data = b"two chunks, each with its checksum"
        url = tus.create(len(data))
        assert tus.patch(url, 0, data[:9], **{"Upload-Checksum": sha1(data[:9])}).status == 204
        assert tus.patch(url, 9, data[9:], **{"Upload-Checksum": sha1(data[9:])}).status == 204
        immich.wait_for(data)

    @pytest.mark.parametrize("framing", ["length", "chunked"])
    @pytest.mark.parametrize("size", [10, 600_000])
    def test_a_chunk_that_is_not_leaves_everything_as_it_was(
        self, tus: Tus, immich: Immich, size: int, framing: str
    ) -> None:
        data = f"{framing} {size} ".encode() * (size // 10)
        url = tus.create(len(data))
        tus.patch(url, 0, data[:5])
        headers = {"Upload-Checksum": sha1(b"something else")}
        bad = bytes(len(data) - 5)
        if framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
            bad = chunked(bad)
        answer = tus.patch(url, 5, bad, **headers)
        refused(answer, 460, "checksum_mismatch")
        assert answer.reason.lower() == "checksum mismatch"
        assert tus.offset(url) == 5
        assert tus.patch(url, 5, data[5:]).status == 204
        immich.wait_for(data)

    @pytest.mark.parametrize(
        "value", ["crc99 AAAA", "sha1", "sha1 !!!", "sha1 AAAA", "", "sha1 " + "A" * 60_000]
    )
    def test_a_checksum_nobody_understands(self, tus: Tus, value: str) -> None:
        url = tus.create(3)
        refused(tus.patch(url, 0, b"abc", **{"Upload-Checksum": value}), 400)
        assert tus.offset(url) == 0

    @pytest.mark.parametrize("size", [3, 6])
    def test_a_chunk_of_nothing(self, tus: Tus, size: int) -> None:
        """Also of an upload that is complete already."""
        url = tus.create(size)
        tus.patch(url, 0, b"abc")
        refused(tus.patch(url, 3, b"", **{"Upload-Checksum": sha1(b"something")}), 460)
        assert tus.patch(url, 3, b"", **{"Upload-Checksum": sha1(b"")}).status == 204

    def test_with_a_creation(self, tus: Tus, session: str) -> None:
        meta = metadata(filename="a.jpg", session=session, item="1")
        bad = {"Upload-Checksum": sha1(b"something else")}
        refused(tus.post(3, meta, b"abc", bad), 460, "checksum_mismatch")
        url = tus.create(3, session=session, item="1")
        assert tus.offset(url) == 0
        good = {"Upload-Checksum": sha1(b"abc")}
        assert tus.post(3, body=b"abc", headers=good)["Upload-Offset"] == "3"

    def test_a_cut_in_a_chunk_with_a_checksum_keeps_nothing_unproven(
        self, tus: Tus, immich: Immich
    ) -> None:
        data = b"what was not proven may be wrong and is sent again"
        url = tus.create(len(data))
        tus.patch(url, 0, data[:5])
        with tus.connect() as connection:
            more = {"Upload-Checksum": sha1(data[5:]), "Content-Length": str(len(data) - 5)}
            connection.send(request("PATCH", url, patch_headers(5, **more)) + b"WRONG BYTES")
            connection.settle()
            connection.finish()
            connection.until_closed()
        assert tus.offset(url) == 5
        tus.patch(url, 5, data[5:])
        immich.wait_for(data)
