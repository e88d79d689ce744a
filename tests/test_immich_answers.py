"""What Immich's answers mean, as a table, and on everything recorded from real servers."""

import json
from pathlib import Path

import pytest

from immich_drop.errors import (
    ImmichError,
    ImmichFailed,
    ImmichKeyRejected,
    ImmichPermission,
    ImmichQuota,
    ImmichRefused,
    ImmichTooLarge,
    ImmichTrouble,
    ImmichTypeRefused,
    ImmichUnavailable,
)
from immich_drop.immich.answers import Answer, elements, failure, member, parsed

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.jsonl"))
PAGE = b"<html><h1>nginx</h1></html>"
DEEP = b"[" * 100_000
"""More brackets than a parser goes down."""


def said(status: int, message: object, **more: object) -> Answer:
    return Answer(status=status, body=json.dumps({"message": message, **more}).encode())


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        (said(401, "Invalid API key"), ImmichKeyRejected, "401 Invalid API key"),
        (
            said(403, "Missing required permission: asset.upload"),
            ImmichPermission,
            "403 Missing required permission: asset.upload",
        ),
        (said(404, "Cannot POST /api/assets"), ImmichUnavailable, "404 Cannot POST /api/assets"),
        (said(406, "only returns text/html"), ImmichUnavailable, "406 only returns text/html"),
        (said(400, "Quota has been exceeded!"), ImmichQuota, "Quota has been exceeded!"),
        (
            said(400, "Unsupported file type a.txt"),
            ImmichTypeRefused,
            "Unsupported file type a.txt",
        ),
        (
            said(400, "Multipart: Unexpected end of form"),
            ImmichTrouble,
            "Multipart: Unexpected end of form",
        ),
        (said(400, ["a must be b", "c"]), ImmichRefused, "400 a must be b; c"),
        (
            said(
                400,
                "Validation failed",
                errors=[{"path": ["assets", 0, "id"], "message": "no string"}, {"message": "x"}],
            ),
            ImmichRefused,
            "400 Validation failed; assets.0.id no string; x",
        ),
        (Answer(status=400, body=b""), ImmichTrouble, "did not arrive whole"),
        (said(500, "Failed to upload asset"), ImmichFailed, "500 Failed to upload asset"),
        (Answer(status=500, body=PAGE), ImmichFailed, "500"),
        (Answer(status=408, body=b""), ImmichTrouble, "408"),
        (Answer(status=413, body=PAGE), ImmichTooLarge, "413"),
        *(
            (Answer(status=status, body=PAGE), ImmichUnavailable, f"{status}: a proxy's page")
            for status in (400, 401, 403, 404, 429, 502, 503, 504, 521, 524)
        ),
        (Answer(status=403, body=b'"no"'), ImmichUnavailable, "403: a proxy's page"),
        (Answer(status=403, body=DEEP), ImmichUnavailable, "403: a proxy's page"),
        (
            Answer(status=302, body=b"", location="https://login.example/?token=secret"),
            ImmichUnavailable,
            "redirected to login.example:",
        ),
        (
            Answer(status=307, body=b"", location="//me:secret@login.example"),
            ImmichUnavailable,
            "redirected to login.example:",
        ),
        (Answer(status=301, body=b"", location="/ui"), ImmichUnavailable, "another path"),
        (Answer(status=301, body=b"", location="http://"), ImmichUnavailable, "another path"),
        (said(400, "two\nlines"), ImmichRefused, "400 two lines"),
        (said(400, "m" * 5000), ImmichRefused, "400 mmm"),
    ],
)
def test_what_an_answer_means(answer: Answer, kind: type[ImmichError], detail: str) -> None:
    error = failure(answer)
    assert type(error) is kind
    assert detail in str(error)
    assert len(str(error)) <= 210
    assert "secret" not in str(error)


BY_STATUS = {
    400: {ImmichRefused, ImmichQuota, ImmichTypeRefused, ImmichTrouble},
    401: {ImmichKeyRejected},
    403: {ImmichPermission},
    404: {ImmichUnavailable},
    406: {ImmichUnavailable},
    500: {ImmichFailed},
}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_every_recorded_refusal_is_understood(recording: Path) -> None:
    seen = set()
    for line in recording.read_text("utf-8").splitlines():
        response = json.loads(line)["response"]
        status, body = response["status"], response["body"]
        if status is None or status < 400 or not isinstance(body, dict) or "message" not in body:
            continue
        error = failure(Answer(status=status, body=json.dumps(body).encode()))
        message = body["message"]
        assert type(error) in BY_STATUS[status]
        assert (message if isinstance(message, str) else message[0])[:100] in str(error)
        seen.add(type(error))
    assert seen == set().union(*BY_STATUS.values())


@pytest.mark.parametrize(
    "body",
    [PAGE, pytest.param(DEEP, id="deep"), b"", b"\xff", b"[1]", b'{"id": 5}', b'{"ID": "x"}'],
)
def test_a_page_in_place_of_an_answer(body: bytes) -> None:
    with pytest.raises(ImmichUnavailable, match="a proxy's page"):
        member(parsed(Answer(status=200, body=body)), "id", str)


def test_an_object_in_place_of_a_list() -> None:
    with pytest.raises(ImmichUnavailable, match="a proxy's page"):
        elements({"0": "x"})
