"""Random noise, shaped like tus and WebSockets: refused in words, never a 500, never a traceback.

The fixture of the product checks the log at the end.
"""

import base64
import json
import string

from harness.product import Product
from harness.tus import OCTETS, VERSION, Tus, metadata
from harness.websocket import WebSocket
from harness.wire import Connection, Hangup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SANE = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TEXTS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
    st.text(string.digits + "+-_ .,eExX", max_size=30),
    st.sampled_from(["0", "1", "3", "9" * 30, "sha1 AAAA", "1.0.0", OCTETS, "chunked", "gzip"]),
).map(str.strip)
NAMES = st.sampled_from(
    [
        "Tus-Resumable",
        "Upload-Length",
        "Upload-Defer-Length",
        "Upload-Offset",
        "Upload-Metadata",
        "Upload-Checksum",
        "Upload-Concat",
        "Content-Type",
        "Content-Encoding",
        "Expect",
        "X-HTTP-Method-Override",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Drop-Session",
        "Origin",
        "Sec-Fetch-Site",
        "If-None-Match",
        "Accept-Encoding",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Version",
        "Range",
    ]
)
KEYS = st.sampled_from(["filename", "session", "item", "sha1", "lastModified", "filetype", "x"])
VALUES = st.one_of(st.text(max_size=60), st.binary(max_size=60), st.integers(-5, 10**20), st.none())
METHODS = st.sampled_from(["POST", "PATCH", "HEAD", "DELETE", "OPTIONS", "GET", "PUT", "X"])
TARGETS = st.sampled_from(["/files/", "/files", "/files/{id}", "/api/known", "/api/uploads", "/ws"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def spoken_to(connection: Connection, method: str, target: str, headers: dict[str, str]) -> None:
    try:
        answer = connection.ask(method, target, headers, b"abc" if method != "HEAD" else b"")
    except Hangup:
        return
    assert answer.status < 500, answer
    if answer.status >= 400 and answer.body and method != "HEAD":
        assert set(answer.json()) == {"code", "message"}


def test_headers(tus: Tus) -> None:
    url = tus.create(1000)

    @settings(SANE, max_examples=100)
    @given(method=METHODS, target=TARGETS, noise=st.dictionaries(NAMES, TEXTS, max_size=6))
    def ask(method: str, target: str, noise: dict[str, str]) -> None:
        headers = {**VERSION, "Upload-Metadata": metadata(filename="a.jpg"), **noise}
        with tus.connect() as connection:
            spoken_to(connection, method, target.format(id=url.rpartition("/")[2]), headers)

    ask()


def test_metadata(tus: Tus) -> None:
    @settings(SANE, max_examples=100)
    @given(pairs=st.dictionaries(KEYS, VALUES, max_size=5), tail=TEXTS)
    def ask(pairs: dict[str, str | bytes | int | None], tail: str) -> None:
        meta = metadata(**{"filename": "a.jpg", **pairs})
        for raw in (meta, f"{meta},{tail}", f"{tail}{meta}"):
            answer = tus.post(3, raw)
            assert answer.status in {201, 400, 409, 415, 431}, answer
            if answer.status == 201:
                tus.delete("/files/" + answer["Location"].rpartition("/")[2])

    ask()


def test_messages(product: Product, session: str) -> None:
    @settings(SANE, max_examples=60)
    @given(first=st.booleans(), messages=st.lists(JSON | st.binary(max_size=50), max_size=4))
    def talk(first: bool, messages: list[object]) -> None:
        with WebSocket(product.address) as socket:
            if first:
                socket.say({"session": session})
            for message in messages:
                raw = message if isinstance(message, bytes) else json.dumps(message).encode()
                try:
                    socket.send(raw)
                except OSError:
                    break

    talk()
    with WebSocket(product.address) as socket:
        socket.say({"session": session})
        assert socket.hear()["type"] == "snapshot"


def test_questions(tus: Tus) -> None:
    @settings(SANE, max_examples=80)
    @given(question=JSON, session=st.text(max_size=40))
    def ask(question: object, session: str) -> None:
        for body in (question, {"session": session, "checksums": question}):
            answer = tus.ask("POST", "/api/known", {}, json.dumps(body).encode())
            assert answer.status in {200, 400, 429}, answer

    ask()


def test_base64_that_is_nearly_some(tus: Tus) -> None:
    @settings(SANE, max_examples=100)
    @given(name=st.binary(min_size=1, max_size=30), cut=st.integers(0, 3))
    def ask(name: bytes, cut: int) -> None:
        encoded = base64.b64encode(name).decode()
        answer = tus.post(3, f"filename {encoded[: len(encoded) - cut]}")
        assert answer.status in {400, 415}, answer

    ask()
