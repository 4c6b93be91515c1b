"""Address of a request's client behind trusted proxies (G5). Pure: no settings of its own."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.settings import Network

Address = IPv4Address | IPv6Address


def client_address(peer: str, forwarded: Sequence[str], trusted: Iterable[Network]) -> str:
    """The address of the client of *peer*: *forwarded* are the X-Forwarded-For headers in order.

    The headers are read from the right, as each trusted proxy appends the address that it has seen.
    The answer is "" when the peer has no IP address.
    """
    address = _parsed(peer)
    networks = tuple(trusted)
    hops = [hop for header in forwarded for hop in header.split(",")]
    while address is not None and hops and any(address in network for network in networks):
        before = _parsed(hops.pop().strip())
        if before is None:
            break
        address = before
    return "" if address is None else str(address)


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])  # without the interface of a link-local one
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
