"""Base, amount and parts of a commission, as pure functions (R2, R5–R8, R10, R11)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_commission import montants
from service_commission.baremes import Bareme, Palier, from_snapshot, snapshot_of
from service_commission.montants import Ht, Initiale, Mesures

D = Decimal

HT = Ht(D("41.58"), D("49.90"))
TEN = Bareme(code="STANDARD", version=1, type_calcul="pourcentage", taux=D(10))
RECURRING = replace(TEN, recurrence_active=True, taux_recurrence=D(3), duree_recurrence_mois=12)
TIERS = tuple(
    Palier(code=f"P{low}", type_palier="volume", seuil_min=D(low), seuil_max=high, taux_bonus=D(rate))
    for low, high, rate in ((0, D(100), 10), (100, D(500), 12), (500, None, 15))
)
BY_TIER = Bareme(code="PALIERS", version=1, type_calcul="palier", paliers=TIERS)
NONE = Mesures()


def amount(bareme: Bareme, base: str, contrats: int = 1) -> D:
    """Of an INITIALE that is the apporteur's *contrats*-th of the period."""
    mesures = Mesures({"": contrats}, {})
    return montants.initiale(bareme, D(base), mesures, mesures).montant


@pytest.mark.parametrize(("received", "base"), [("49.90", "41.58"), ("20.00", "16.67")])
def test_R2_what_was_received_is_turned_by_the_ratio_of_the_invoice(received: str, base: str) -> None:
    """A partial receipt counts for what it is."""
    assert D(base) == montants.ratio((D("41.58"), D("49.90")), D(20)).base(D(received))


@pytest.mark.parametrize(
    ("facture", "tva", "base"),
    [(None, "20", "41.58"), (None, "5.5", "47.30"), (None, "0", "49.90"), (("0", "0"), "20", "41.58")],
)
def test_R2_without_an_invoice_the_rate_of_the_product_turns_it(
    facture: tuple[str, str] | None, tva: str, base: str
) -> None:
    """An invoice of nothing is none."""
    amounts = (D(facture[0]), D(facture[1])) if facture else None
    assert D(base) == montants.ratio(amounts, D(tva)).base(D("49.90"))


@pytest.mark.parametrize(
    ("periode", "mois", "due"), [("2026-02", 1, True), ("2027-01", 12, True), ("2027-02", 13, False)]
)
def test_R5_the_month_of_the_initiale_is_the_first(periode: str, mois: int, due: bool) -> None:
    """A recurrence of twelve months ends with the twelfth."""
    assert mois == montants.numero_mois("2026-02", periode)
    assert due == montants.recurrence_due(RECURRING, Initiale("2026-02", False), mois)


def test_R5_without_recurrence_a_later_receipt_is_worth_nothing() -> None:
    """The scale says whether there is one."""
    assert not montants.recurrence_due(TEN, Initiale("2026-02", False), 2)


def test_R5_a_receipt_handled_late_is_of_the_first_month_at_the_earliest() -> None:
    """Events may come in another order than the money."""
    assert montants.numero_mois("2026-02", "2026-01") == 1


@pytest.mark.parametrize(
    ("statut", "resiliation", "after"),
    [
        ("RESILIE", date(2026, 3, 4), True),
        ("RESILIE", date(2026, 3, 5), False),
        ("EXPIRE", date(2026, 3, 4), False),
        ("ACTIF", None, False),
    ],
)
def test_R6_what_fell_due_after_the_termination_is_worth_nothing(
    statut: str, resiliation: date | None, after: bool
) -> None:
    """The last day of the contract still counts; the end of its term sets no limit."""
    assert after == montants.after_resiliation(statut, resiliation, date(2026, 3, 5))


@pytest.mark.parametrize(
    ("bareme", "expected"),
    [
        (Bareme(code="F", version=1, type_calcul="fixe", montant_fixe=D(50)), "50.00"),
        (TEN, "4.16"),
        (Bareme(code="M", version=1, type_calcul="mixte", montant_fixe=D(30), taux=D(5)), "32.08"),
    ],
    ids=["fixe", "pourcentage", "mixte"],
)
def test_R7_the_kind_of_the_scale_makes_the_amount(bareme: Bareme, expected: str) -> None:
    """Of 41.58; rounded once."""
    assert D(expected) == amount(bareme, "41.58")


def test_R7_a_recurrence_has_a_rate_of_its_own() -> None:
    """3 % of 41.58."""
    assert montants.recurrence(RECURRING, D("41.58")).montant == D("1.25")


@pytest.mark.parametrize(
    ("contrats", "expected"), [(1, "4.16"), (99, "4.16"), (100, "4.99"), (499, "4.99"), (500, "6.24")]
)
def test_R8_the_tier_that_holds_the_measure_gives_the_rate(contrats: int, expected: str) -> None:
    """Its lower bound is within it, its upper one is not."""
    assert D(expected) == amount(BY_TIER, "41.58", contrats)


def test_R8_outside_all_tiers_nothing_is_due() -> None:
    """Tiers may begin above one contract."""
    assert amount(replace(BY_TIER, paliers=TIERS[1:]), "41.58", 99) == 0


def test_R9_each_kind_of_tier_has_its_measure() -> None:
    """Volume counts contracts, ca their base, prime_produit those of one kind of product."""
    mesures = Mesures({"SERVICE": 2}, {"SERVICE": D("83.16")}).plus("ASSURANCE", D("41.58"))
    kinds = {
        kind: mesures.of(Palier(code="P", type_palier=kind, seuil_min=D(0), type_produit="ASSURANCE"))
        for kind in ("volume", "ca", "prime_produit")
    }
    assert kinds == {"volume": D(3), "ca": D("124.74"), "prime_produit": D(1)}


@pytest.mark.parametrize(
    ("ht", "echeances", "frequence", "base"),
    [
        (HT, 12, "MENSUELLE", "498.96"),
        (montants.ratio(None, D(20)), 12, "MENSUELLE", "499.00"),
        (HT, 36, "MENSUELLE", "498.96"),
        (HT, 6, "MENSUELLE", "249.48"),
        (HT, 12, "TRIMESTRIELLE", "166.32"),
        (HT, 1, "UNIQUE", "41.58"),
    ],
)
def test_R10_an_advance_is_on_the_first_twelve_months(
    ht: Ht, echeances: int, frequence: str, base: str
) -> None:
    """By the ratio of the first invoice where there is one."""
    assert D(base) == montants.base_precomptee(ht, D("49.90"), echeances, frequence)


def test_R10_ten_percent_of_the_first_year() -> None:
    """12 × 49.90, of which 498.96 are without taxes."""
    assert amount(TEN, "498.96") == D("49.90")


@pytest.mark.parametrize(("mois", "due"), [(1, False), (2, False), (12, False), (13, True)])
def test_R10_the_months_of_an_advance_have_no_recurrence(mois: int, due: bool) -> None:
    """They were paid already."""
    bareme = replace(RECURRING, duree_recurrence_mois=24)
    assert due == montants.recurrence_due(bareme, Initiale("2026-02", True), mois)


SPLIT = replace(TEN, manager=D(20), agence=D(10))


def test_R11_the_commercial_takes_the_rest() -> None:
    """37.42 at 70/20/10/0; a part of nothing makes no row."""
    expected = {"COMMERCIAL": D("26.20"), "MANAGER": D("7.48"), "AGENCE": D("3.74")}
    assert expected == montants.parts(SPLIT, D("37.42"), manager=True)


def test_R11_the_part_of_a_missing_manager_is_the_commercial_s() -> None:
    """It is added to his."""
    assert {"COMMERCIAL": D("33.68"), "AGENCE": D("3.74")} == montants.parts(SPLIT, D("37.42"), manager=False)


@given(
    cents=st.integers(1, 10**9),
    shares=st.lists(st.integers(0, 10_000), min_size=4, max_size=4).filter(any),
    manager=st.booleans(),
)
def test_R11_parts_always_add_up_to_the_amount(cents: int, shares: list[int], manager: bool) -> None:
    """And none of them is below zero, whatever the roundings are."""
    of = [(D(share) * 100 / sum(shares)).quantize(D("0.01")) for share in shares]
    montant = D(cents) / 100
    bareme = replace(TEN, manager=of[0], agence=of[1], entreprise=max(D(0), min(of[2], 100 - of[0] - of[1])))
    parts = montants.parts(bareme, montant, manager=manager)
    assert montant == sum(parts.values())
    assert all(part > 0 for part in parts.values())


@given(cents=st.integers(1, 10**9), rate=st.integers(1, 10_000), fixed=st.integers(0, 10**7))
def test_R30_a_figure_computed_again_from_its_snapshot_is_the_same(cents: int, rate: int, fixed: int) -> None:
    """The snapshot is the scale itself."""
    bareme = replace(
        BY_TIER, type_calcul="mixte", taux=D(rate) / 100, montant_fixe=D(fixed) / 100, recurrence_active=True
    )
    again = from_snapshot(snapshot_of(bareme))
    assert bareme == again
    assert amount(bareme, str(D(cents) / 100)) == amount(again, str(D(cents) / 100))
