"""Who asks, and under which address: told by headers, but only by a proxy the host trusts."""

import logging
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest, split_host_and_port

from immich_drop.errors import BadRequest, ForeignOrigin

log = logging.getLogger(__name__)

HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
"""What proxies say, and guests may say too."""

STRANGERS = 10
"""How many proxies that are not trusted are named in the log."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 section 9.2.1)."""

SUBSCRIBER = 64
"""Bits of an IPv6 address that name a subscriber; the others a guest may choose at will."""


class Forwarded:
    """Reads Forwarded-like headers of trusted hops."""

    def __init__(
        self,
        *,
        trusted: Sequence[IPv4Network | IPv6Network],
        public_url: str,
        base_path: str,
    ) -> None:
        self._trusted = trusted
        self._public_url = public_url
        self._base_path = base_path
        self._strangers: set[str] = set()

    def notice(self, request: HTTPServerRequest) -> None:
        """Tell the host, once for each, of a proxy that is not in TRUSTED_PROXIES.

        Only of those in the own network: from the internet anybody could fill the log.
        """
        said = next((header for header in HEADERS if header in request.headers), None)
        if said is None:
            return
        ip = _read_address(request.remote_ip or "")
        if ip is None or not ip.is_private or self.trusts(str(ip)):
            return
        if str(ip) not in self._strangers and len(self._strangers) < STRANGERS:
            self._strangers.add(str(ip))
            log.warning("%s sends %s but is not in TRUSTED_PROXIES: ignored", ip, said)

    def address(self, request: HTTPServerRequest) -> str:
        """Return the guest's address: the last hop that is not a trusted proxy.

        Of an IPv6 address it is the subscriber's network (see `subscriber`).
        """
        address: str = request.remote_ip or ""
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        while hops and self.trusts(address):
            hop = hops.pop().strip()
            if _read_address(hop) is None:
                break
            address = hop
        return subscriber(address)

    def base_url(self, request: HTTPServerRequest) -> str:
        """Return the absolute address of the drop, without a slash at the end."""
        return self._public_url or self._seen_url(request)

    def came_to(self, request: HTTPServerRequest) -> str:
        """Return the address of the drop this guest's browser shows, as far as we can know.

        It is not PUBLIC_URL for a guest who comes by our own address in the host's network, also
        through a proxy that says nothing at all, as Docker's.
        """
        if not self._public_url:
            return self._seen_url(request)
        silent = not any(header in request.headers for header in HEADERS)
        in_the_house = silent and _is_bare(self._name(request))
        if self._by_public_name(request) or (self._unsaid(request) and not in_the_house):
            return self._public_url
        return self._seen_url(request)

    def check_host(self, request: HTTPServerRequest) -> None:
        """Refuse a foreign Host when PUBLIC_URL says which one is ours (DNS rebinding).

        A bare IP address and localhost pass: no site on the internet has such a name. Nor has one a
        name without a dot, and a trusted proxy may call us by that. Raises BadRequest.
        """
        if not self._public_url or self._by_public_name(request):
            return
        name = self._name(request)
        if _is_bare(name):
            return
        if "." in name or not self._unsaid(request):
            raise BadRequest(f"the host {name[:80]!r} is not that of PUBLIC_URL")

    def _seen_url(self, request: HTTPServerRequest) -> str:
        scheme = request.protocol
        if self.trusts(request.remote_ip or ""):
            scheme = _last(request, "X-Forwarded-Proto") or scheme
        return f"{scheme}://{self._asked(request)}{self._base_path}"

    def _asked(self, request: HTTPServerRequest) -> str:
        """Return the host the guest asked for, with its port."""
        trusted = self.trusts(request.remote_ip or "")
        return (trusted and _last(request, "X-Forwarded-Host")) or request.host

    def _name(self, request: HTTPServerRequest) -> str:
        """Return the host the guest asked for, as a name or an address."""
        host = split_host_and_port(self._asked(request).lower())[0]
        return host.strip("[]").removesuffix(".")

    def _by_public_name(self, request: HTTPServerRequest) -> bool:
        return self._name(request) == urlsplit(self._public_url).hostname

    def _unsaid(self, request: HTTPServerRequest) -> bool:
        """Tell whether a trusted proxy keeps to itself which host the guest asked for."""
        return self.trusts(request.remote_ip or "") and not _last(request, "X-Forwarded-Host")

    def check_origin(self, request: HTTPServerRequest) -> None:
        """Refuse what another site makes a guest's browser do. Raises ForeignOrigin.

        Sec-Fetch-Site is the browser's word on it; older browsers, and those on plain http, send
        Origin only. Whoever sends neither is no browser, so no site can misuse it. A WebSocket
        begins with a GET, but is checked too: browsers let any page read what comes over one.
        """
        if request.method in SAFE and "Upgrade" not in request.headers:
            return
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none" if origin is None else "")
        if site in ("same-origin", "none"):
            return
        if origin is None or not self.is_ours(origin, request):
            ours = self.base_url(request)
            raise ForeignOrigin(f"{site or 'from'} {str(origin)[:80]!r}, and we are {ours[:80]}")

    def is_ours(self, origin: str, request: HTTPServerRequest) -> bool:
        """Tell whether an Origin is that of our own page."""
        hosts = {request.host.lower(), _host(self.base_url(request))}
        return _host(origin) in hosts

    def trusts(self, address: str) -> bool:
        """Tell whether an address is that of a proxy which the host trusts."""
        ip = _read_address(address)
        return ip is not None and any(ip in network for network in self._trusted)


def _is_bare(name: str) -> bool:
    """Tell whether no site on the internet can have such a name."""
    return name == "localhost" or _read_address(name) is not None


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; a socket for both families writes one of IPv4 as one of IPv6."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def subscriber(address: str) -> str:
    """Return what limits count: of IPv6 a network, for limits on single addresses would be none."""
    ip = _read_address(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network((int(ip), SUBSCRIBER), strict=False))
    return address if ip is None else str(ip)


def _last(request: HTTPServerRequest, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
