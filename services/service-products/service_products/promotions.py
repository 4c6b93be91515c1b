"""Promotions as pure functions: what one may be, and when it is in force (R8, R9)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from crm.products import products_pb2 as pb
from db_utils import clock
from grpc_utils import instant, money, written_amount
from grpc_utils.errors import ChampRequis, DateInvalide, InvalidArgument

from service_products.models import Produit

NONE = {"prix_promotion": None, "date_debut_promotion": None, "date_fin_promotion": None}
"""The columns of a product without a promotion."""


class PromotionInvalide(InvalidArgument):
    """Le prix promotionnel doit être inférieur au prix du produit."""


def new_promotion(produit: Produit, request: pb.SetPromotionRequest) -> dict[str, Any]:
    """Columns of the promotion that *request* gives to *produit* (R8). Raises InvalidArgument."""
    if not request.HasField("prix_promotion"):
        raise ChampRequis(champ="prix_promotion")
    prix = money(request.prix_promotion, "prix_promotion")
    if prix >= produit.prix:
        raise PromotionInvalide(f"prix du produit : {written_amount(produit.prix)}", champ="prix_promotion")
    debut = instant(request.date_debut) if request.HasField("date_debut") else clock.now()
    fin = instant(request.date_fin) if request.HasField("date_fin") else None
    if fin is not None and fin <= debut:
        raise DateInvalide("après date_debut", champ="date_fin")
    return {"prix_promotion": prix, "date_debut_promotion": debut, "date_fin_promotion": fin}


def check_prix(produit: Produit, prix: Decimal) -> None:
    """Refuse a *prix* that a promotion, unless it has ended, would not be below (R8).

    Raises PromotionInvalide.
    """
    promotion, fin = produit.prix_promotion, produit.date_fin_promotion
    over = fin is not None and fin < clock.now()
    if promotion is not None and promotion >= prix and not over:
        raise PromotionInvalide(f"prix promotionnel : {written_amount(promotion)}", champ="prix")


def in_force(produit: Produit, at: datetime) -> bool:
    """Whether the promotion of *produit* is in force at the instant *at* (R9)."""
    debut, fin = produit.date_debut_promotion, produit.date_fin_promotion
    return (
        produit.prix_promotion is not None
        and debut is not None
        and debut <= at
        and (fin is None or at <= fin)
    )
