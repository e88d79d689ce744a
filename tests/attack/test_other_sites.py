"""What another web site can make a guest's browser do: nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, running
from harness.proxy import free_port
from harness.tus import VERSION, Tus, metadata, patch_headers
from harness.wait import until
from harness.websocket import Refused, WebSocket
from harness.wire import Response

from attack.impatient import impatient

OURS = "http://drop.example"
"""`harness.wire` sends this Host."""

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://drop.example.evil.example"},
    {"Origin": "http://drop.example:8080"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[drop.example"},
    {"Origin": "http://drop.example@evil.example"},
]
OWN = [
    {},
    {"Origin": OURS},
    {"Origin": "HTTP://DROP.EXAMPLE"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://hidden.by.a.proxy"},
    {"Sec-Fetch-Site": "none"},
]

Ask = Callable[[Tus, dict[str, str]], Response]


def create(tus: Tus, headers: dict[str, str]) -> Response:
    return tus.post(3, metadata(filename="a.jpg"), headers=headers)


def append(tus: Tus, headers: dict[str, str]) -> Response:
    return tus.ask("PATCH", tus.create(3), patch_headers(0) | headers, b"abc")


def terminate(tus: Tus, headers: dict[str, str]) -> Response:
    return tus.ask("DELETE", tus.create(3), VERSION | headers)


def terminate_in_disguise(tus: Tus, headers: dict[str, str]) -> Response:
    disguise = VERSION | {"X-HTTP-Method-Override": "DELETE"}
    return tus.ask("POST", tus.create(3), disguise | headers)


def know(tus: Tus, headers: dict[str, str]) -> Response:
    question = b'{"session": "0123456789abcdef", "checksums": []}'
    return tus.ask("POST", "/api/known", {"Content-Type": "text/plain"} | headers, question)


ASKED = [create, append, terminate, terminate_in_disguise, know]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_nothing_is_done_for_them(tus: Tus, ask: Ask, headers: dict[str, str]) -> None:
    refused(ask(tus, headers), 403, "foreign_origin")


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("headers", OWN, ids=str)
def test_everything_is_done_for_our_page(tus: Tus, ask: Ask, headers: dict[str, str]) -> None:
    assert ask(tus, headers).status < 300


def test_a_retry_for_them_is_none(tus: Tus, session: str) -> None:
    headers = {"Drop-Session": session, "Origin": "https://evil.example"}
    refused(tus.ask("POST", "/api/uploads/x/retry", headers), 403, "foreign_origin")


@pytest.mark.parametrize("target", ["/", "/files/", "/api/known", "/api/config", "/api/uploads"])
def test_no_answer_may_be_read_by_them(tus: Tus, target: str) -> None:
    asks = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "tus-resumable",
    }
    for method in ("OPTIONS", "GET"):
        answer = tus.ask(method, target, asks)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("headers", [*FOREIGN, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_they_hear_nothing(product: Product, headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as refusal:
        WebSocket(product.address, headers={"Host": "drop.example", "Origin": "x", **headers})
    assert refusal.value.answer.status == 403


class TestRebinding:
    """A name of theirs that suddenly leads to our address."""

    @pytest.fixture(name="public", scope="class")
    @classmethod
    def fixture_public(
        cls, immich: Immich, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Tus]:
        settings = {"PUBLIC_URL": "https://drop.example", **immich.settings}
        with impatient(tmp_path_factory.mktemp("public"), settings) as address:
            yield Tus(address)

    @pytest.mark.parametrize("host", ["evil.example", "drop.example.evil.example", "evil:8080"])
    @pytest.mark.parametrize("target", ["/", "/api/config", "/files/", "/ws"])
    def test_a_foreign_host(self, public: Tus, host: str, target: str) -> None:
        refused(public.ask("GET", target, {"Host": host}), 405 if target == "/files/" else 400)
        refused(public.post(3, headers={"Host": host, "Origin": f"http://{host}"}), 400)

    @pytest.mark.parametrize(
        "host",
        ["drop.example", "DROP.example:443", "drop.example.", "127.0.0.1", "[::1]:80", "localhost"],
    )
    def test_our_own(self, public: Tus, host: str) -> None:
        assert public.ask("GET", "/", {"Host": host}).status == 200
        created = public.post(3, headers={"Host": host, "Origin": "https://drop.example"})
        assert created["Location"].startswith("https://drop.example/files/")

    @pytest.mark.parametrize("host", ["drop", "drop:8080"])
    def test_a_name_without_a_dot_is_for_proxies(self, public: Tus, host: str) -> None:
        refused(public.ask("GET", "/", {"Host": host}), 400)

    @pytest.mark.parametrize("target", ["/healthz", "/readyz", "/metrics"])
    def test_a_monitor_has_a_name_of_its_own_for_us(self, public: Tus, target: str) -> None:
        assert public.ask("GET", target, {"Host": "immich-drop:8080"}).status != 400

    def test_the_host_reads_which_name_it_was(self, immich: Immich, tmp_path: Path) -> None:
        settings = {"PUBLIC_URL": "https://drop.example", "PORT": str(free_port())}
        with running(tmp_path, **immich.settings, **settings) as product:
            refused(product.tus.ask("GET", "/", {"Host": "evil.example"}), 400)
            until(
                lambda: "the host 'evil.example' is not that of PUBLIC_URL" in product.log,
                "the line",
            )


@contextmanager
def behind(immich: Immich, folder: Path, **settings: str) -> Iterator[Tus]:
    with running(folder, **immich.settings, **settings) as product:
        yield product.tus


def test_behind_a_proxy_the_public_name_is_ours(immich: Immich, tmp_path: Path) -> None:
    public = {
        "Host": "drop:8080",
        "X-Forwarded-Host": "drop.example",
        "X-Forwarded-Proto": "https",
    }
    own, foreign = {"Origin": "https://drop.example"}, {"Origin": "https://evil.example"}
    with behind(immich, tmp_path, TRUSTED_PROXIES="127.0.0.1") as tus:
        assert create(tus, public | own).status == 201
        refused(create(tus, public | foreign), 403, "foreign_origin")
        refused(create(tus, {"Origin": "https://drop.example", "Host": "drop:8080"}), 403)


def test_behind_a_proxy_with_a_name_of_its_own_for_us(immich: Immich, tmp_path: Path) -> None:
    """Host is then the container's; which one the guest asked for, the proxy says."""
    settings = {"TRUSTED_PROXIES": "127.0.0.1", "PUBLIC_URL": "https://drop.example"}
    with impatient(tmp_path, settings | immich.settings) as address:
        tus = Tus(address)
        inner = {"Host": "drop:8080"}
        assert tus.ask("GET", "/", inner | {"X-Forwarded-Host": "drop.example"}).status == 200
        refused(tus.ask("GET", "/", inner | {"X-Forwarded-Host": "evil.example"}), 400)
        assert tus.ask("GET", "/", inner).status == 200, "nginx as it is by default"
        refused(tus.ask("GET", "/", {"Host": "evil.example"}), 400)
        refused(tus.ask("GET", "/", {"Host": "drop.internal"}), 400)
