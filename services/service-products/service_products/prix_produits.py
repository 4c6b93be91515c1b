"""PrixProduitService: prices of products in grids, and their history (R12)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import PrixProduitServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, caller, found, list_answer, page_request, required, to_message
from grpc_utils.errors import ChampRequis, Introuvable
from service_kit import App, Settings
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from service_products import rules, tarifs
from service_products.models import GrilleTarifaire, HistoriquePrix, PrixProduit, Produit

_OF_LIVING_PRODUIT = (
    select(Produit.id).where(Produit.id == PrixProduit.produit_id, Produit.supprime_le.is_(None)).exists()
)
PRIX = Listing(
    PrixProduit,
    sorts=("created_at desc", "prix_unitaire"),
    filters={
        "grille_tarifaire_id": None,
        "produit_id": None,
        "actif": None,
        "of_living_produit": lambda _: _OF_LIVING_PRODUIT,
    },
)
_ids = any_(bindparam("produits", type_=ARRAY(Uuid)))
# Shared locks, always in the same order: a product is not deleted while it gets a price (R7).
_PRODUITS = select(Produit.id).where(Produit.id == _ids).order_by(Produit.id).with_for_update(read=True)
_FORMER = select(PrixProduit).where(
    PrixProduit.grille_tarifaire_id == bindparam("grille_id"), PrixProduit.produit_id == _ids
)


class PrixProduitService(PrixProduitServiceServicer):
    """Prices in the grids of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def BulkSet(
        self, request: pb.BulkSetPrixProduitsRequest, context: Context
    ) -> pb.BulkSetPrixProduitsResponse:
        """Create or replace prices of a grid, all of them or none (R12)."""
        grille_id = required(request.grille_tarifaire_id, "grille_tarifaire_id")
        wanted = tarifs.items(request)
        async with self._db.transaction() as tx:
            # Calls at once about one grid come one after the other: each knows what the former one left.
            grille = found(await tx.get(GrilleTarifaire, grille_id, lock=True))
            await _check_produits(tx, wanted)
            former = await tx.all(_FORMER, grille_id=grille.id, produits=list(wanted))
            change = _Change(tx, grille, {prix.produit_id: prix for prix in former})
            prix = [await change.set(produit_id, terms) for produit_id, terms in wanted.items()]
        return pb.BulkSetPrixProduitsResponse(
            prix=[to_message(one, pb.PrixProduit) for one in prix],
            crees=change.created,
            modifies=change.changed,
        )

    async def List(
        self, request: pb.ListPrixProduitsRequest, context: Context
    ) -> pb.ListPrixProduitsResponse:
        """List prices of a grid, or of a product in all grids, the newest first."""
        if not (request.grille_tarifaire_id or request.produit_id):
            raise ChampRequis(champ="grille_tarifaire_id")
        page = await PRIX.page(
            self._db.read(),
            page_request(request.pagination),
            grille_tarifaire_id=rules.filter_id(request.grille_tarifaire_id),
            produit_id=rules.filter_id(request.produit_id),
            actif=request.actif if request.HasField("actif") else None,
            of_living_produit=True,
        )
        return list_answer(pb.ListPrixProduitsResponse, page)


async def _check_produits(tx: Transaction, wanted: Mapping[UUID, object]) -> None:
    """Lock the products against deletion. Raises Introuvable for the first one that is not there."""
    there = set(await tx.all(_PRODUITS, produits=list(wanted)))
    for produit_id in wanted:
        if produit_id not in there:
            raise Introuvable(champ="produit_id", id=str(produit_id))


class _Change:
    """What one call changes in *grille*: counts it, and writes the history of each price."""

    def __init__(self, tx: Transaction, grille: GrilleTarifaire, former: Mapping[UUID, PrixProduit]) -> None:
        self._tx, self._grille, self._former = tx, grille, former
        self.created = self.changed = 0

    async def set(self, produit_id: UUID, terms: dict[str, Any]) -> PrixProduit:
        """Give the product a price of these *terms*; the same ones again change nothing."""
        prix = self._former.get(produit_id)
        if prix is None:
            self.created += 1
            prix = await self._tx.insert(
                PrixProduit(
                    organisation_id=self._grille.organisation_id,
                    grille_tarifaire_id=self._grille.id,
                    produit_id=produit_id,
                    **terms,
                )
            )
            await self._record(prix, None)
        elif (before := tarifs.terms(prix)) != terms:
            self.changed += 1
            await self._tx.update(prix, **terms)
            await self._record(prix, tarifs.as_history(before))
        return prix

    async def _record(self, prix: PrixProduit, before: dict[str, Any] | None) -> None:
        identity = caller()
        await self._tx.insert(
            HistoriquePrix(
                organisation_id=prix.organisation_id,
                prix_produit_id=prix.id,
                ancien=before,
                nouveau=tarifs.as_history(tarifs.terms(prix)),
                auteur_id=identity.user_id or identity.subject,
            )
        )
