"""Promotions as pure functions: what one may be, and when it is in force (R8, R9)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crm.products import products_pb2 as pb
from db_utils import clock
from grpc_utils import timestamp
from grpc_utils.errors import ChampRequis, DateInvalide, MontantInvalide
from service_products import promotions
from service_products.models import Produit
from service_products.promotions import PromotionInvalide

NOW = datetime(2026, 8, 10, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=10)
INSTANT = timedelta(microseconds=1)


def produit(**fields: Any) -> Produit:
    """A product at 60.00."""
    return Produit(organisation_id="org-1", sku="A", nom="Assurance", prix=Decimal(60), **fields)


def promoted(debut: datetime = NOW, fin: datetime | None = LATER) -> Produit:
    """The same at 39.00 from *debut* to *fin*."""
    return produit(prix_promotion=Decimal(39), date_debut_promotion=debut, date_fin_promotion=fin)


def asked(**fields: Any) -> pb.SetPromotionRequest:
    """A request for a promotion of 39.00."""
    return pb.SetPromotionRequest(**({"prix_promotion": 39} | fields))


@pytest.mark.parametrize("prix", [0, 0.01, 59.99])
def test_R8_a_promotion_is_below_the_price(prix: float) -> None:
    """It may be free; it begins now and has no end unless its dates are given."""
    with clock.frozen_at(NOW):
        new = promotions.new_promotion(produit(), asked(prix_promotion=prix))
    assert new == {
        "prix_promotion": Decimal(str(prix)),
        "date_debut_promotion": NOW,
        "date_fin_promotion": None,
    }


@pytest.mark.parametrize(
    ("prix", "refusal"), [(60, PromotionInvalide), (59.995, PromotionInvalide), (-0.01, MontantInvalide)]
)
def test_R8_no_other_price_is_a_promotion(prix: float, refusal: type[Exception]) -> None:
    """Compared in cents."""
    with pytest.raises(refusal):
        promotions.new_promotion(produit(), asked(prix_promotion=prix))


def test_R8_a_promotion_needs_a_price() -> None:
    """An absent one is not free."""
    with pytest.raises(ChampRequis) as refused:
        promotions.new_promotion(produit(), pb.SetPromotionRequest())
    assert refused.value.metadata == {"champ": "prix_promotion"}


def test_R8_a_promotion_ends_after_it_has_begun() -> None:
    """Its beginning may be now."""
    dates = asked(date_debut=timestamp(NOW), date_fin=timestamp(NOW + INSTANT))
    assert promotions.new_promotion(produit(), dates)["date_fin_promotion"] == NOW + INSTANT
    for fields in (
        {"date_debut": timestamp(LATER), "date_fin": timestamp(LATER)},
        {"date_fin": timestamp(NOW)},
    ):
        with clock.frozen_at(NOW), pytest.raises(DateInvalide) as refused:
            promotions.new_promotion(produit(), asked(**fields))
        assert refused.value.metadata == {"champ": "date_fin"}


def test_R8_a_promotion_that_is_over_does_not_hold_the_price() -> None:
    """One that is yet to come does."""
    with clock.frozen_at(LATER + INSTANT):
        promotions.check_prix(promoted(), Decimal(10))
    for now in (NOW - INSTANT, LATER):
        with clock.frozen_at(now), pytest.raises(PromotionInvalide):
            promotions.check_prix(promoted(), Decimal(39))


def test_R9_a_promotion_is_in_force_between_its_instants() -> None:
    """Both included."""
    instants = (NOW - INSTANT, NOW, LATER, LATER + INSTANT)
    assert [promotions.in_force(promoted(), at) for at in instants] == [False, True, True, False]
    assert promotions.in_force(promoted(fin=None), datetime(9999, 1, 1, tzinfo=UTC))
    assert not promotions.in_force(produit(), NOW)
