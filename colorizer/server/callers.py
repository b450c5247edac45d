"""Callers, told apart by the networks that their requests come from."""

import ipaddress
from collections.abc import Sequence
from typing import Any

_FORWARDED = b"x-forwarded-for"


def caller_of(request: Any) -> str:
    """Return the network that a request comes from, "" if that is unknown."""
    client = getattr(request, "client", None)
    return network_of(client_address(client.host, request.headers.get("x-forwarded-for"))) if client else ""


def with_one_forwarded(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join the lines of X-Forwarded-For, as HTTP says: the first may be the visitor's own, who would be anybody by it."""
    lines = [value for name, value in headers if name == _FORWARDED]
    others = [(name, value) for name, value in headers if name != _FORWARDED]
    return [*others, (_FORWARDED, b", ".join(lines))] if lines else others


def network_of(address: str) -> str:
    """Return an address, or the 64-bit network of an IPv6 address, since a single machine can use any of that."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    is_v6 = ip.version == 6 and ip.ipv4_mapped is None
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64))) if is_v6 else address


def client_address(host: str | None, forwarded: str | None) -> str:
    """Return a visitor's address: the connected `host` or, behind a proxy on a private network (as on Spaces), the last
    public address in X-Forwarded-For.

    Visitors can forge everything before that address, and the whole header if they connect directly.
    """
    host = host or ""
    if _is_public(host):
        return host
    hops = [hop.strip() for hop in (forwarded or "").split(",")]
    return next((hop for hop in reversed(hops) if _is_public(hop)), host)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
