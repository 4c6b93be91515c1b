"""ProduitService: the products of an organisation and their promotions."""

from uuid import UUID

from crm.common.common_pb2 import DeleteResponse
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import ProduitServiceServicer
from db_utils import Listing, Transaction, clock
from grpc_utils import (
    Context,
    expected_version,
    found,
    list_answer,
    page_of,
    required,
    to_message,
)
from grpc_utils.errors import EncoreUtilise
from service_kit import App, Settings
from sqlalchemy import DateTime, and_, bindparam, not_, or_, select

from service_products import promotions, rules
from service_products.models import Gamme, GrilleTarifaire, PrixProduit, Produit

_now = bindparam("now", type_=DateTime(timezone=True))
_fin = Produit.date_fin_promotion
# The twin of `promotions.in_force`.
_PROMOTED = and_(
    Produit.prix_promotion.is_not(None),
    Produit.date_debut_promotion <= _now,
    or_(_fin.is_(None), _fin >= _now),
)
PRODUITS = Listing(
    Produit,
    sorts=("nom", "sku", "prix", "created_at"),
    filters={
        "gamme_id": None,
        "categorie": None,
        "type": None,
        "actif": None,
        "statut_cycle": None,
        "en_promotion": lambda _: _PROMOTED,
        "sans_promotion": lambda _: not_(_PROMOTED),
    },
    search=Produit.recherche_cle,
)
_BY_SKU = select(Produit).where(
    Produit.organisation_id == bindparam("organisation_id"), Produit.sku == bindparam("sku")
)
_USED = (
    select(PrixProduit.id)
    .join(GrilleTarifaire, GrilleTarifaire.id == PrixProduit.grille_tarifaire_id)
    .where(
        PrixProduit.organisation_id == bindparam("organisation_id"),
        PrixProduit.produit_id == bindparam("produit_id"),
        PrixProduit.actif,
        GrilleTarifaire.actif,
    )
    .limit(1)
)


class ProduitService(ProduitServiceServicer):
    """Products of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateProduitRequest, context: Context) -> pb.Produit:
        """Add a product; a sku occurs once among the living ones of an organisation (R1)."""
        produit = rules.new_produit(request)
        async with self._db.transaction() as tx:
            await _check_gamme(tx, produit.gamme_id)
            await tx.insert(produit)
        return message(produit)

    async def Get(self, request: pb.GetProduitRequest, context: Context) -> pb.Produit:
        """Read a product with its gamme."""
        reader = self._db.read()
        produit = found(await reader.get(Produit, request.id))
        gamme = await reader.get(Gamme, produit.gamme_id) if produit.gamme_id else None
        return message(produit, gamme=None if gamme is None else to_message(gamme, pb.Gamme))

    async def GetBySku(self, request: pb.GetProduitBySkuRequest, context: Context) -> pb.Produit:
        """Read the product of a sku, whatever its case."""
        sku = found(rules.known_code(required(request.sku, "sku")))
        named = {"organisation_id": request.organisation_id, "sku": sku}
        return message(found(await self._db.read().one(_BY_SKU, **named)))

    async def List(self, request: pb.ListProduitsRequest, context: Context) -> pb.ListProduitsResponse:
        """List products by name or another sort (R6)."""
        promoted = request.en_promotion if request.HasField("en_promotion") else None
        page = await page_of(
            PRODUITS,
            self._db.read(),
            request,
            current={"now": clock.now()},
            en_promotion=True if promoted else None,
            sans_promotion=True if promoted is False else None,
        )
        return list_answer(pb.ListProduitsResponse, page, map(message, page.rows))

    async def Update(self, request: pb.UpdateProduitRequest, context: Context) -> pb.Produit:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            produit = found(await tx.get(Produit, request.id, lock=True))
            changed = rules.produit_changes(produit, request)
            await _check_gamme(tx, changed.get("gamme_id"))
            await tx.update(produit, expected=expected_version(request), **changed)
        return message(produit)

    async def Delete(self, request: pb.DeleteProduitRequest, context: Context) -> DeleteResponse:
        """Hide a product that no active grid has a price for; its sku becomes free (R7)."""
        async with self._db.transaction() as tx:
            produit = await tx.get(Produit, request.id, lock=True)
            if produit is not None:
                used = {"organisation_id": produit.organisation_id, "produit_id": produit.id}
                if await tx.one(_USED, **used):
                    raise EncoreUtilise
                await tx.delete(produit)
        return DeleteResponse(success=produit is not None)

    async def SetPromotion(self, request: pb.SetPromotionRequest, context: Context) -> pb.Produit:
        """Give a product a promotion, in place of any former one (R8)."""
        async with self._db.transaction() as tx:
            produit = await _locked(tx, request.produit_id)
            await tx.update(produit, **promotions.new_promotion(produit, request))
        return message(produit)

    async def ClearPromotion(self, request: pb.ClearPromotionRequest, context: Context) -> pb.Produit:
        """Take the promotion from a product, if it has one (R8)."""
        async with self._db.transaction() as tx:
            produit = await _locked(tx, request.produit_id)
            await tx.update(produit, **promotions.NONE)
        return message(produit)


def message(produit: Produit, gamme: pb.Gamme | None = None) -> pb.Produit:
    """*produit* as it is answered, with its promotion judged now."""
    return to_message(
        produit,
        pb.Produit,
        metadata=produit.metadata_,
        promotion_active=promotions.in_force(produit, clock.now()),
        gamme=gamme,
    )


async def _locked(tx: Transaction, produit_id: str) -> Produit:
    return found(await tx.get(Produit, required(produit_id, "produit_id"), lock=True), "produit_id")


async def _check_gamme(tx: Transaction, gamme_id: UUID | None) -> None:
    """Check that the organisation has the gamme, where one is named (R3). Raises Introuvable."""
    if gamme_id is not None:
        found(await tx.get(Gamme, gamme_id), "gamme_id")
