"""Whose request it is, when it says so itself: only a trusted proxy is believed."""

from ipaddress import ip_network

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from immich_drop.handlers.forwarded import Forwarded

PROXY = "10.0.0.1"


def address(remote: str, *hops: str) -> str:
    """Return the address which limits are counted by."""
    forwarded = Forwarded(trusted=[ip_network("10.0.0.0/8")], public_url="", base_path="")
    headers = HTTPHeaders({"Host": "a"} | ({"X-Forwarded-For": ", ".join(hops)} if hops else {}))
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/", "HTTP/1.1"), headers=headers
    )
    request.remote_ip = remote
    return forwarded.address(request)


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
