"""Senders, as limits count them: who holds a network has all of its addresses."""

from ipaddress import ip_network

_NETWORK_OF_A_LINE = 64  # bits; a subscriber of IPv6 has 2**64 addresses at least (RFC 6177)


def sender_of(address: str) -> str:
    """Return what counts as one sender: an IPv4 *address* itself, the /64 network of an IPv6 one.

    A text that is no IPv6 address is returned as it is.
    """
    if ":" not in address:
        return address
    return str(ip_network((address, _NETWORK_OF_A_LINE), strict=False))
