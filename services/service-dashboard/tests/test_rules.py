"""Rules of the figures, tested as pure functions."""

import pytest
from service_dashboard.rules import variation


@pytest.mark.parametrize(
    ("current", "previous", "expected"),
    [
        (5, 0, (100, "hausse")),
        (0, 0, (0, "stable")),
        (80, 100, (20, "baisse")),
        (100, 80, (25, "hausse")),
        (0, 3, (100, "baisse")),
        (2, 3, (33.33, "baisse")),
        (5, 3, (66.67, "hausse")),
        (7, 7, (0, "stable")),
        (20_001, 20_000, (0.01, "hausse")),
        (20_002, 20_001, (0, "stable")),
        (19_999, 20_000, (0.01, "baisse")),
    ],
)
def test_R04_a_variation_is_rounded_and_stable_when_nothing_is_left(
    current: int, previous: int, expected: tuple[float, str]
) -> None:
    """Percentages are rounded half up at the second decimal; after 0 the growth is 100 %."""
    found = variation(current, previous)
    assert (found.pourcentage, found.tendance) == expected
