"""Amounts, numbers and months of échéances (R1, R5, R31), each example of the rules and any amount."""

from datetime import date
from decimal import Decimal

import pytest
from db_utils import uuid7
from hypothesis import given
from hypothesis import strategies as st
from service_payments import echeancier_rules as rules
from service_payments.echeancier_rules import Cible
from service_payments.factures_demandees import demande, request_of
from service_payments.models import Echeance, Echeancier


def schedule(**columns: object) -> Echeancier:
    told = {"organisation_id": "org", "client_id": "client", "date_debut": date(2026, 1, 1)}
    return Echeancier(**{**told, "frequence": "MENSUELLE", **columns})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        ("598.80", 12, ["49.90"] * 12),
        ("1000", 12, ["83.33"] * 11 + ["83.37"]),
        ("200", 3, ["66.67", "66.67", "66.66"]),
        ("0.01", 1, ["0.01"]),
    ],
)
def test_R1_the_last_part_takes_the_remainder(total: str, count: int, expected: list[str]) -> None:
    assert rules.parts(Decimal(total), count) == [Decimal(part) for part in expected]


@pytest.mark.parametrize(("total", "count"), [("10.00", 600), ("0.07", 12), ("0.01", 3)])
def test_R1_no_part_is_nothing(total: str, count: int) -> None:
    """Nor less than nothing: 599 × 0.02 would leave −1.98."""
    with pytest.raises(rules.EcheanceNulle):
        rules.parts(Decimal(total), count)


@given(st.integers(1, 10**9), st.integers(1, 600))
def test_R1_parts_are_the_whole(cents: int, count: int) -> None:
    """To the cent, all alike but the last, and none without value."""
    total = Decimal(cents) / 100
    try:
        parts = rules.parts(total, count)
    except rules.EcheanceNulle:
        return
    assert (sum(parts), len(parts), min(parts) > 0) == (total, count, True)
    assert set(parts[:-1]) <= {parts[0]}


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ({"nombre_echeances": 7}, 7),
        ({"date_fin": date(2026, 12, 31)}, 12),
        ({"date_fin": date(2026, 12, 31), "frequence": "TRIMESTRIELLE"}, 4),
        ({"date_fin": date(2026, 1, 29), "frequence": "HEBDOMADAIRE"}, 5),
        ({"date_debut": date(2026, 1, 31), "date_fin": date(2026, 3, 30)}, 2),
        ({}, 12),
        ({"frequence": "HEBDOMADAIRE"}, 52),
        ({"frequence": "TRIMESTRIELLE"}, 4),
        ({"frequence": "SEMESTRIELLE"}, 2),
        ({"frequence": "ANNUELLE"}, 1),
        ({"frequence": "UNIQUE", "nombre_echeances": 12}, 1),
        ({"montant_echeance": Decimal(10)}, 3),
        ({"montant_echeance": Decimal(10), "nombre_echeances": 5}, 5),
    ],
)
def test_R1_the_number_is_told_or_follows_from_the_dates(columns: dict[str, object], count: int) -> None:
    """Else it is a year of periods; an open schedule has three échéances before it."""
    assert rules.count_of(schedule(**columns)) == count


def test_R1_nobody_has_more_than_600_echeances() -> None:
    with pytest.raises(rules.TropDEcheances):
        rules.count_of(schedule(date_fin=date(2080, 1, 1), frequence="HEBDOMADAIRE"))


def test_R4_the_client_has_his_notice() -> None:
    """Signed on 12 January with 14 days: 26 January; a later beginning counts, an earlier one does not."""
    signed = schedule(date_signature=date(2026, 1, 12))
    assert rules.plus_tot(signed, 14, date(2026, 1, 20)) == date(2026, 1, 26)
    later = schedule(date_signature=date(2026, 1, 12), date_debut=date(2026, 3, 1))
    assert rules.plus_tot(later, 14, date(2026, 1, 20)) == date(2026, 3, 1)
    assert rules.plus_tot(schedule(), 14, date(2026, 1, 20)) == date(2026, 2, 3)


def test_R5_months_follow_each_other_by_the_frequency() -> None:
    """Over the end of the year; weeks from day to day."""
    november = date(2026, 11, 20)
    assert rules.cibles("MENSUELLE", november, 3, later=1) == [
        Cible("2026-12"),
        Cible("2027-01"),
        Cible("2027-02"),
    ]
    assert rules.cibles("SEMESTRIELLE", november, 2) == [Cible("2026-11"), Cible("2027-05")]
    weeks = rules.cibles("HEBDOMADAIRE", date(2026, 12, 28), 2)
    assert weeks == [Cible("2026-12", date(2026, 12, 28)), Cible("2027-01", date(2027, 1, 4))]
    assert rules.following("HEBDOMADAIRE", weeks[1]) == Cible("2027-01", date(2027, 1, 11))
    assert rules.following("TRIMESTRIELLE", Cible("2026-11")) == Cible("2027-02")


def ligne(taux: str, montant: str, motif: str = "") -> dict[str, str]:
    return {"taux": taux, "motif": motif, "montant": montant}


@pytest.mark.parametrize(
    ("lignes", "expected"),
    [
        ([], []),
        ([ligne("20", "49.90")], [("20", "", "49.90")]),
        ([ligne("0", "49.90", "EXONERATION_261C")], [("0", "EXONERATION_261C", "49.90")]),
        (
            [ligne("5.5", "10"), ligne("20", "30"), ligne("20", "9.90")],
            [("20", "", "39.90"), ("5.5", "", "10.00")],
        ),
        (
            [ligne("10", "1"), ligne("20", "1"), ligne("5.5", "1")],
            [("20", "", "16.63"), ("10", "", "16.63"), ("5.5", "", "16.64")],
        ),
        ([ligne("10", "0"), ligne("20", "0")], [("10", "", "49.90")]),
    ],
)
def test_R31_an_echeance_is_shared_among_the_rates_of_the_contract(
    lignes: list[dict[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    """In proportion to its lines, the highest rate first; the lowest takes the remainder."""
    told = [(rate, motif, f"{part:.2f}") for rate, motif, part in rules.shares(Decimal("49.90"), lignes)]
    assert told == expected


def test_R1_the_end_that_an_open_schedule_gets_closes_the_list() -> None:
    """Months up to that of the end, weeks up to its day, never more than an échéancier has."""
    assert rules.cibles_until("MENSUELLE", Cible("2026-11"), date(2027, 1, 1)) == [
        Cible("2026-12"),
        Cible("2027-01"),
    ]
    assert rules.cibles_until("MENSUELLE", Cible("2026-11"), date(2026, 11, 30)) == []
    weeks = rules.cibles_until("HEBDOMADAIRE", Cible("2026-12", date(2026, 12, 28)), date(2027, 1, 10))
    assert weeks == [Cible("2027-01", date(2027, 1, 4))]
    with pytest.raises(rules.TropDEcheances):
        rules.cibles_until("HEBDOMADAIRE", Cible("2026-12", date(2026, 12, 28)), date(2080, 1, 1))


def test_R31_rows_at_nought_tell_why() -> None:
    """Beside a taxed row too: factures refuses an invoice without the reason."""
    echeance = Echeance(
        organisation_id="org", echeancier_id=uuid7(), rang=1, montant=Decimal("49.90"), mois_cible="2026-02"
    )
    told = schedule(
        tva={"lignes": [ligne("20", "30"), ligne("0", "19.90", "EXONERATION_261_4")]}, moyen="SEPA_DEBIT"
    )
    request = request_of(demande(told, echeance))
    assert [(row.montant, row.taux_tva) for row in request.montants] == [(30, 20), (19.90, 0)]
    assert request.motif_exoneration == "EXONERATION_261_4"
