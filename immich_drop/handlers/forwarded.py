"""Who asks, and under which address: told by headers, but only by a proxy the host trusts."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from immich_drop.errors import BadRequest


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

    def address(self, request: HTTPServerRequest) -> str:
        """Give the guest's address: the last hop that is not a trusted proxy."""
        address: str = request.remote_ip or ""
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        while hops and self._trusts(address):
            hop = hops.pop().strip()
            if not _is_address(hop):
                break
            address = hop
        return address

    def base_url(self, request: HTTPServerRequest) -> str:
        """Give the absolute address of the drop, without a slash at the end."""
        if self._public_url:
            return self._public_url
        scheme, host = request.protocol, request.host
        if self._trusts(request.remote_ip or ""):
            scheme = _last(request, "X-Forwarded-Proto") or scheme
            host = _last(request, "X-Forwarded-Host") or host
        return f"{scheme}://{host}{self._base_path}"

    def check_host(self, request: HTTPServerRequest) -> None:
        """Refuse a foreign Host when PUBLIC_URL says which one is ours (DNS rebinding).

        Health checks come by address, so a bare IP address and localhost pass. Raises BadRequest.
        """
        if not self._public_url:
            return
        name = request.host_name.strip("[]")
        ours = urlsplit(self._public_url).hostname
        if name not in (ours, "localhost") and not _is_address(name):
            raise BadRequest(f"host {name[:80]!r}")

    def _trusts(self, address: str) -> bool:
        return _is_address(address) and any(
            ip_address(address) in network for network in self._trusted
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _last(request: HTTPServerRequest, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
