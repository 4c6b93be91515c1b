"""The ports that the servers of a test run listen on."""

from pathlib import Path

from service_kit.embedded import free_port, port_is_free

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_none_that_outgoing_connections_take() -> None:
    """Else any connection made between choosing and listening could have it."""
    first_outgoing = int(_OUTGOING.read_text().split()[0])
    ports = [free_port() for _ in range(50)]
    assert max(ports) < first_outgoing
    assert all(port_is_free(port) for port in ports)


def test_a_free_port_is_given_once() -> None:
    """Who asks for several before listening on the first gets different ones."""
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == len(ports)
