"""What a product costs, as pure functions (R9, R13 to R17)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from db_utils import clock, uuid7
from grpc_utils.errors import DateInvalide, FormatInvalide, MontantInvalide, PourcentageInvalide
from service_products import calcul
from service_products.calcul import Prix, ProduitNonVendable, Total
from service_products.models import PrixProduit, Produit

NOW = datetime(2026, 8, 15, 21, 59, tzinfo=UTC)  # 23:59 in Paris
PROMOTION = {"prix_promotion": Decimal(39), "date_debut_promotion": datetime(2026, 8, 10, tzinfo=UTC)}


def produit(**fields: Any) -> Produit:
    """A product at 60.00."""
    return Produit(organisation_id="org-1", sku="A", nom="Assurance", prix=Decimal(60), **fields)


def tarif(unitaire: str = "49.90", **terms: Any) -> PrixProduit:
    """A price in a grid."""
    decimals: dict[str, Any] = {name: Decimal(value) for name, value in terms.items()}
    return PrixProduit(
        organisation_id="org-1",
        grille_tarifaire_id=uuid7(),
        produit_id=uuid7(),
        prix_unitaire=Decimal(unitaire),
        **decimals,
    )


BASE = {"remise_pourcent": "12.5", "prix_minimum": "40"}


@pytest.mark.parametrize(
    ("in_grid", "promotion", "additional", "expected"),
    [
        (None, {}, "0", ("60", "0", "60.00", "produit")),
        (None, {}, "10", ("60", "10", "54.00", "produit")),
        (None, PROMOTION, "0", ("39", "0", "39.00", "promotion")),
        (tarif(**BASE), {}, "0", ("49.90", "12.5", "43.66", "grille")),
        (tarif("45"), {}, "0", ("45", "0", "45.00", "grille")),
        (tarif("45"), PROMOTION, "0", ("39", "0", "39.00", "promotion")),
        (tarif(**BASE), {}, "20", ("49.90", "32.5", "40", "grille")),  # 33.68 is below the minimum
        (tarif(**BASE), {}, "90", ("49.90", "100", "40", "grille")),
        (tarif(**BASE), PROMOTION, "0", ("39", "0", "39", "promotion")),  # the minimum is above the promotion
        (tarif(**BASE), PROMOTION, "10", ("39", "10", "39", "promotion")),
        (tarif(prix_minimum="30"), PROMOTION, "50", ("39", "50", "30", "promotion")),
        (tarif(prix_maximum="30"), PROMOTION, "0", ("39", "0", "30", "promotion")),
        (tarif(prix_maximum="30"), {}, "0", ("49.90", "0", "30", "grille")),
        (tarif("10", prix_minimum="20", prix_maximum="20"), {}, "0", ("10", "0", "20", "grille")),
        (tarif("0"), {}, "0", ("0", "0", "0.00", "grille")),
    ],
)
def test_R13_the_price_of_one_piece(
    in_grid: PrixProduit | None,
    promotion: dict[str, Any],
    additional: str,
    expected: tuple[str, str, str, Any],
) -> None:
    """Unit price, discount, price within its bounds, source."""
    unitaire, remise, final, source = expected
    reckoned = calcul.price(produit(**promotion), in_grid, NOW, Decimal(additional))
    assert Prix(Decimal(unitaire), Decimal(remise), Decimal(final), source) == reckoned


@pytest.mark.parametrize(
    ("final", "pieces", "rate", "expected"),
    [
        ("43.66", 3, "20", ("130.98", "26.20", "157.18")),
        ("40", 1, "20", ("40", "8.00", "48.00")),
        ("0.05", 1, "10", ("0.05", "0.01", "0.06")),  # half a cent of TVA is a cent
        ("9.99", 7, "5.5", ("69.93", "3.85", "73.78")),
        ("60", 2, "0", ("120", "0.00", "120.00")),
    ],
)
def test_R13_totals_are_rounded_once(
    final: str, pieces: int, rate: str, expected: tuple[str, str, str]
) -> None:
    """TVA is that of the whole line."""
    ht, tva, ttc = map(Decimal, expected)
    assert Total(ht, tva, ttc) == calcul.total(Decimal(final), pieces, Decimal(rate))


def test_R13_a_total_is_an_amount() -> None:
    """10^12 is too much, also if TVA makes it so."""
    assert calcul.total(Decimal("999999999999.99"), 1, Decimal(0)).ttc == Decimal("999999999999.99")
    for final, pieces, rate in (("1000000", 1_000_000, "0"), ("900000000000", 1, "20")):
        with pytest.raises(MontantInvalide) as refused:
            calcul.total(Decimal(final), pieces, Decimal(rate))
        assert refused.value.metadata == {"champ": "quantite"}


def test_R9_today_promotions_are_judged_now_else_at_noon_in_paris() -> None:
    """22:30 UTC is tomorrow in Paris in summer; winter has another hour."""
    with clock.frozen_at(NOW):
        assert [calcul.moment(text) for text in ("", "2026-08-15")] == [
            calcul.Moment(date(2026, 8, 15), NOW)
        ] * 2
        summer, winter = calcul.moment("2026-08-16"), calcul.moment("2026-01-15")
    assert summer.instant == datetime(2026, 8, 16, 10, tzinfo=UTC)
    assert winter.instant == datetime(2026, 1, 15, 11, tzinfo=UTC)
    for text in ("2026-02-30", "15/08/2026", "demain"):
        with pytest.raises(DateInvalide):
            calcul.moment(text)


@pytest.mark.parametrize(
    ("actif", "statut", "sold"),
    [(True, "ACTIF", True), (False, "ACTIF", False), (True, "GELE", False), (True, "BROUILLON", False)],
)
def test_R4_a_product_for_sale_is_switched_on_and_ACTIF(actif: bool, statut: str, sold: bool) -> None:
    """The two are independent."""
    assert calcul.for_sale(produit(actif=actif, statut_cycle=statut)) is sold


def test_R16_only_a_simulation_prices_what_is_not_for_sale() -> None:
    """What is for sale needs none."""
    calcul.check_for_sale(produit(), simulation=False)
    draft = produit(statut_cycle="BROUILLON")
    calcul.check_for_sale(draft, simulation=True)
    with pytest.raises(ProduitNonVendable):
        calcul.check_for_sale(draft, simulation=False)


def test_R17_quantities() -> None:
    """0 stands for 1."""
    assert [calcul.quantity(asked) for asked in (0, 1, 1_000_000)] == [1, 1, 1_000_000]
    for asked in (-1, 1_000_001, -(2**31)):
        with pytest.raises(FormatInvalide) as refused:
            calcul.quantity(asked)
        assert refused.value.metadata == {"champ": "quantite"}


def test_R17_additional_discounts() -> None:
    """0 to 100 percent."""
    assert [calcul.discount(asked) for asked in (0, 12.5, 100)] == [0, Decimal("12.5"), 100]
    for asked in (-0.5, 100.5, float("nan")):
        with pytest.raises(PourcentageInvalide) as refused:
            calcul.discount(asked)
        assert refused.value.metadata == {"champ": "remise_additionnelle"}
