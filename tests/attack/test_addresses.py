"""Whose request it is, when it says so itself: only a trusted proxy is believed."""

import logging
import socket
from ipaddress import ip_network
from pathlib import Path

import pytest
from harness.immich import Immich
from harness.product import OPEN, launch, running
from harness.proxy import free_port
from harness.tus import Tus
from harness.wait import until
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from immich_drop.handlers.forwarded import STRANGERS, Forwarded

PROXY = "10.0.0.1"


def forwarded(public_url: str = "") -> Forwarded:
    trusted = [ip_network("10.0.0.0/8")]
    return Forwarded(trusted=trusted, public_url=public_url, base_path="")


def request(remote: str, headers: dict[str, str]) -> HTTPServerRequest:
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    made = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "a"} | headers))
    made.remote_ip = remote
    return made


def address(remote: str, *hops: str) -> str:
    """Return the address which limits are counted by."""
    headers = {"X-Forwarded-For": ", ".join(hops)} if hops else {}
    return forwarded().address(request(remote, headers))


@pytest.mark.parametrize(
    ("remote", "hops", "meant"),
    [
        ("192.0.2.7", (), "192.0.2.7"),
        ("192.0.2.7", ("198.51.100.1",), "192.0.2.7"),
        (PROXY, ("198.51.100.1",), "198.51.100.1"),
        (PROXY, ("1.2.3.4", "198.51.100.1"), "198.51.100.1"),
        (PROXY, ("198.51.100.1", "10.9.9.9"), "198.51.100.1"),
        (PROXY, ("198.51.100.1", "nonsense"), PROXY),
        (PROXY, (), PROXY),
        (PROXY, ("2001:db8:1:2:aaaa::1",), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", (), "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", (), "192.0.2.7"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        (PROXY, ("198.51.100.1", "::ffff:10.0.0.2"), "198.51.100.1"),
        (PROXY, ("198.51.100.1", "::ffff:192.0.2.7"), "192.0.2.7"),
        ("fe80::1%eth0", (), "fe80::/64"),
    ],
)
def test_whose_limits_are_counted(remote: str, hops: tuple[str, ...], meant: str) -> None:
    assert address(remote, *hops) == meant


def test_a_proxy_that_is_not_trusted_is_named_once(immich: Immich, tmp_path: Path) -> None:
    line = "127.0.0.1 sends X-Forwarded-Proto but is not in TRUSTED_PROXIES: ignored"
    with running(tmp_path, **immich.settings) as product:
        for _ in range(3):
            product.tus.ask("GET", "/", {"X-Forwarded-Proto": "https"})
        until(lambda: line in product.log, "the line")
        assert product.tus.ask("GET", "/", {"X-Forwarded-Proto": "https"}).status == 200
    assert product.log.count("TRUSTED_PROXIES") == 1


@pytest.mark.parametrize(
    ("remote", "headers", "named"),
    [
        ("172.18.0.5", {"X-Forwarded-For": "192.0.2.1"}, "172.18.0.5 sends X-Forwarded-For"),
        ("172.18.0.5", {"X-Forwarded-Host": "b"}, "172.18.0.5 sends X-Forwarded-Host"),
        ("::ffff:172.18.0.5", {"X-Forwarded-For": ""}, "172.18.0.5 sends X-Forwarded-For"),
        ("fd00::5", {"X-Forwarded-For": "192.0.2.1"}, "fd00::5 sends X-Forwarded-For"),
        ("172.18.0.5", {}, ""),
        (PROXY, {"X-Forwarded-For": "198.51.100.1"}, ""),
        ("::ffff:10.0.0.1", {"X-Forwarded-For": "198.51.100.1"}, ""),
        ("8.8.8.8", {"X-Forwarded-For": "198.51.100.1"}, ""),
        ("", {"X-Forwarded-For": "198.51.100.1"}, ""),
    ],
)
def test_which_proxies_are_named(
    caplog: pytest.LogCaptureFixture, remote: str, headers: dict[str, str], named: str
) -> None:
    forwarded().notice(request(remote, headers))
    assert caplog.text.count("TRUSTED_PROXIES") == bool(named)
    assert named in caplog.text


def test_a_network_of_strangers_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    drop = forwarded()
    for number in range(10 * STRANGERS):
        drop.notice(request(f"192.168.1.{number}", {"X-Forwarded-For": "192.0.2.1"}))
    assert len(caplog.records) == STRANGERS


@pytest.mark.parametrize(
    ("remote", "headers", "there"),
    [
        ("192.168.1.9", {"Host": "drop.example"}, "https://drop.example/photos"),
        ("192.168.1.9", {"Host": "Drop.Example.:443"}, "https://drop.example/photos"),
        ("192.168.1.9", {"Host": "192.168.1.5:8080"}, "http://192.168.1.5:8080"),
        ("192.168.1.9", {"Host": "localhost:8080"}, "http://localhost:8080"),
        (PROXY, {"Host": "drop:8080"}, "https://drop.example/photos"),
        (PROXY, {"Host": "127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        (
            PROXY,
            {"Host": "127.0.0.1:8080", "X-Forwarded-For": "203.0.113.7"},
            "https://drop.example/photos",
        ),
        (PROXY, {"X-Forwarded-Host": "192.168.1.5"}, "http://192.168.1.5"),
        (
            PROXY,
            {"X-Forwarded-Host": "192.168.1.5", "X-Forwarded-Proto": "https"},
            "https://192.168.1.5",
        ),
    ],
)
def test_where_a_guest_is(remote: str, headers: dict[str, str], there: str) -> None:
    drop, asked = forwarded("https://drop.example/photos"), request(remote, headers)
    drop.check_host(asked)
    assert drop.came_to(asked) == there
    assert drop.base_url(asked) == "https://drop.example/photos"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
class TestHost:
    @pytest.mark.parametrize(
        ("host", "printed", "ours"),
        [
            ("::", "localhost", ["127.0.0.1", "::1"]),
            ("::1", "[::1]", ["::1"]),
            ("127.0.0.1", "127.0.0.1", ["127.0.0.1"]),
        ],
    )
    def test_where_it_listens(
        self, immich: Immich, tmp_path: Path, host: str, printed: str, ours: list[str]
    ) -> None:
        port = free_port()
        process = launch(tmp_path, immich.settings | {"HOST": host, "PORT": str(port)})
        try:
            process.wait_for(OPEN)
            assert f"http://{printed}:{port}/" in process.log
            for address in ours:
                answer = Tus((address, port)).ask("GET", "/healthz", {})
                assert answer.status == 200
            assert process.stop() == 0
        finally:
            process.kill()

    def test_a_guest_of_either_kind_has_the_address_of_his_own(
        self, immich: Immich, tmp_path: Path
    ) -> None:
        """A socket for both writes an address of IPv4 as one of IPv6; proxies are known by it."""
        port = free_port()
        settings = {"HOST": "::", "PORT": str(port), "LIMIT_CREATIONS_PER_MINUTE": "1"}
        trust = {"TRUSTED_PROXIES": "127.0.0.1"}
        process = launch(tmp_path, immich.settings | settings | trust)
        try:
            process.wait_for(OPEN)
            four, six = Tus(("127.0.0.1", port)), Tus(("::1", port))
            for guest in ("192.0.2.1", "192.0.2.2"):
                said = {"X-Forwarded-For": guest}
                assert four.post(3, headers=said).status == 201
                assert four.post(3, headers=said).status == 429
            assert six.post(3).status == 201
            assert six.post(3, headers={"X-Forwarded-For": "192.0.2.3"}).status == 429
            assert process.stop() == 0
        finally:
            process.kill()
