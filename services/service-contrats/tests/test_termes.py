"""Terms and amounts of contracts as pure functions."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from grpc_utils.errors import DateInvalide, MontantInvalide, ValeurInconnue
from service_contrats import termes
from service_contrats.models import LigneContrat

JANUARY = date(2026, 1, 15)


def ligne(quantite: int, prix: str, *, prix_a_confirmer: bool = False) -> LigneContrat:
    """A line."""
    return LigneContrat(
        organisation_id="org-1",
        contrat_id=UUID(int=1),
        produit_id="prod-456",
        quantite=quantite,
        prix_unitaire=Decimal(prix),
        prix_a_confirmer=prix_a_confirmer,
    )


@pytest.mark.parametrize(
    ("frequence", "duree_mois", "expected"),
    [
        ("MENSUELLE", 12, (12, 12)),
        ("MENSUELLE", None, (12, 12)),
        ("TRIMESTRIELLE", 10, (10, 4)),
        ("TRIMESTRIELLE", 12, (12, 4)),
        ("SEMESTRIELLE", 7, (7, 2)),
        ("ANNUELLE", 13, (13, 2)),
        ("ANNUELLE", 1, (1, 1)),
        ("MENSUELLE", 240, (240, 240)),
        ("UNIQUE", None, (None, 1)),
        ("UNIQUE", 24, (24, 1)),
    ],
)
def test_R07_a_period_that_is_begun_is_an_instalment(
    frequence: str, duree_mois: int | None, expected: tuple[int | None, int]
) -> None:
    """Twelve months are usual, but for what is paid once."""
    terms = termes.terms(JANUARY, frequence, duree_mois)
    assert (terms["duree_mois"], terms["nombre_echeances"]) == expected


@pytest.mark.parametrize(
    ("date_debut", "duree_mois", "date_fin"),
    [
        ("2026-01-31", 1, "2026-02-27"),
        ("2026-01-15", 12, "2027-01-14"),
        ("2026-01-01", 1, "2026-01-31"),
        ("2024-01-31", 1, "2024-02-28"),
        ("2026-12-31", 2, "2027-02-27"),
        ("2026-03-01", 240, "2046-02-28"),
    ],
)
def test_R07_the_last_day_is_before_the_same_day(date_debut: str, duree_mois: int, date_fin: str) -> None:
    """A month that is too short ends the count on its last day."""
    terms = termes.terms(date.fromisoformat(date_debut), "MENSUELLE", duree_mois)
    assert terms["date_fin"] == date.fromisoformat(date_fin)


def test_R07_without_a_duration_there_is_no_end() -> None:
    """Only what is paid once may have none."""
    assert termes.terms(JANUARY, "UNIQUE", None)["date_fin"] is None


@pytest.mark.parametrize("duree_mois", [0, 241, -1, 2**31 - 1])
def test_R07_a_duration_has_1_to_240_months(duree_mois: int) -> None:
    """The refusal names the field."""
    with pytest.raises(termes.DureeInvalide) as refused:
        termes.terms(JANUARY, "MENSUELLE", duree_mois)
    assert refused.value.metadata == {"champ": "duree_mois"}


def test_R07_a_frequency_is_one_of_five() -> None:
    """Compared with its case (C1)."""
    with pytest.raises(ValeurInconnue):
        termes.terms(JANUARY, "mensuelle", 12)


def test_R07_a_contract_ends_within_the_calendar() -> None:
    """A year of five digits is none."""
    with pytest.raises(DateInvalide):
        termes.terms(date(9999, 6, 1), "MENSUELLE", 12)


@pytest.mark.parametrize(
    ("montant", "nombre", "total"), [("49.90", 12, "598.80"), ("30.00", 4, "120.00"), ("80.00", 1, "80.00")]
)
def test_R07_the_total_is_the_amount_of_all_instalments(montant: str, nombre: int, total: str) -> None:
    """To the cent."""
    assert termes.total(Decimal(montant), nombre) == Decimal(total)


def test_R07_a_total_stays_below_a_million_millions() -> None:
    """As every amount does (C4)."""
    assert termes.total(Decimal("499999999999.99"), 2) == Decimal("999999999999.98")
    with pytest.raises(MontantInvalide):
        termes.total(Decimal("500000000000.00"), 2)


def test_R04_the_amount_is_the_sum_of_the_lines() -> None:
    """Unless somebody gave another one, which needs no line and no confirmation."""
    lignes = [ligne(2, "10.00"), ligne(1, "5.50")]
    amounts = termes.amounts(lignes, 12, None)
    assert amounts == {
        "montant": Decimal("25.50"),
        "montant_impose": False,
        "montant_total": Decimal("306.00"),
        "prix_a_confirmer": False,
    }
    given = termes.amounts([ligne(1, "0", prix_a_confirmer=True)], 12, Decimal(0))
    assert (given["montant"], given["montant_impose"], given["prix_a_confirmer"]) == (0, True, False)


@pytest.mark.parametrize("lignes", [[], [ligne(1, "5.00"), ligne(1, "0", prix_a_confirmer=True)]])
def test_R04_what_has_no_price_is_to_be_confirmed(lignes: list[LigneContrat]) -> None:
    """So is a contract without lines."""
    assert termes.amounts(lignes, 1, None)["prix_a_confirmer"] is True


def test_R04_a_sum_of_lines_stays_below_a_million_millions() -> None:
    """As every amount does (C4)."""
    with pytest.raises(MontantInvalide):
        termes.amounts([ligne(100_000, "10000000.00")], 1, None)


@pytest.mark.parametrize(
    ("montants", "mrr"),
    [
        ([("MENSUELLE", "49.90"), ("TRIMESTRIELLE", "100.00"), ("UNIQUE", "80.00")], "83.23"),
        ([("TRIMESTRIELLE", "100.00"), ("TRIMESTRIELLE", "100.00")], "66.67"),
        ([("SEMESTRIELLE", "60.00"), ("ANNUELLE", "120.00")], "20.00"),
        ([], "0.00"),
    ],
)
def test_R20_monthly_amounts_are_rounded_once(montants: list[tuple[str, str]], mrr: str) -> None:
    """What is paid once counts nothing."""
    given = [(frequence, Decimal(montant)) for frequence, montant in montants]
    assert str(termes.monthly(given)) == mrr
