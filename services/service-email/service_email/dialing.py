"""Lines to SMTP servers: a name is resolved once, and only an address that was judged is connected to (R15).

Connecting by name after a look at its addresses would ask the resolver again, which may then say another one.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class PrivateAddress(Exception):
    """A server whose name stands for an address that is not reached over the Internet."""


async def dial(host: str, port: int, *, public_only: bool) -> socket.socket:
    """A connection to *host*, at the first of its addresses that answers.

    Raises OSError, and PrivateAddress when *public_only* and one of its addresses is not public.
    """
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if public_only and not all(is_public(place[0]) for *_, place in places):
        raise PrivateAddress
    failure = OSError("no address")
    for family, kind, protocol, _, place in places:
        try:
            return await _connected(socket.socket(family, kind, protocol), place)
        except OSError as error:
            failure = error
    raise failure


async def _connected(line: socket.socket, place: Any) -> socket.socket:
    line.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(line, place)
    except BaseException:
        line.close()
        raise
    return line


def is_public(address: str | int) -> bool:
    """Whether *address* is one of the Internet: no loopback, private, link-local or reserved one.

    An IPv6 address that stands for an IPv4 one is judged by that.
    """
    found = ip_address(address)
    inner = _inner(found)
    if inner is not None:
        return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to *address* end at, None when there is none to be seen."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
