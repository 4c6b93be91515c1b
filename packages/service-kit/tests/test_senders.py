"""What counts as one sender."""

import pytest
from service_kit import sender_of


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("", ""),
    ],
)
def test_a_line_of_ipv6_counts_as_one_address(address: str, sender: str) -> None:
    """Its 2**64 addresses would be as many limits."""
    assert sender_of(address) == sender
