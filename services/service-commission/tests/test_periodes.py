"""Periods as pure functions (R4)."""

from datetime import date

import pytest
from grpc_utils.errors import ChampRequis
from service_commission.periodes import PeriodeInvalide, after, periode_of, read


def test_R4_a_period_is_a_month() -> None:
    """The one that follows December is that of January."""
    assert periode_of(date(2026, 2, 5)) == read("2026-02", "periode") == "2026-02"
    assert [after(one) for one in ("2026-01", "2026-12")] == ["2026-02", "2027-01"]


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "26-02", "2026-2", "2026-02-01", "0000-01", "2026/02", "٢026-02"]
)
def test_R4_anything_else_is_refused(text: str) -> None:
    """The refusal names the field."""
    with pytest.raises(PeriodeInvalide) as refused:
        read(text, "periode")
    assert refused.value.metadata == {"champ": "periode"}
    with pytest.raises(ChampRequis):
        read("", "periode")
