"""PrixProduitService: prices of products in grids, and their history (R12)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import PrixProduitServiceServicer
from db_utils import Listing, Transaction, clock
from grpc_utils import Context, caller, found, list_answer, page_of, required, to_message
from grpc_utils.errors import ChampRequis, Introuvable
from service_kit import App, Settings
from sqlalchemy import ARRAY, Uuid, any_, bindparam, cast, column, func, select, update

from service_products import tarifs
from service_products.models import GrilleTarifaire, HistoriquePrix, PrixProduit, Produit

Wanted = Mapping[UUID, dict[str, Any]]
"""Terms of prices by product."""

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
_TERMS = {name: PrixProduit.__table__.columns[name].type for name in tarifs.TERMS}
_wanted = (
    func.unnest(*(cast(bindparam(name), ARRAY(kind)) for name, kind in {"id": Uuid(), **_TERMS}.items()))
    .table_valued(column("id", Uuid()), *(column(name, kind) for name, kind in _TERMS.items()))
    .render_derived(name="wanted")
)
# All of them in one round trip. Versions need no look: the lock on the grid keeps other writers away.
_REPLACE = (
    update(PrixProduit)
    .where(PrixProduit.id == _wanted.c.id)
    .values(
        {name: _wanted.c[name] for name in _TERMS}
        | {"version": PrixProduit.version + 1, "updated_at": bindparam("now")}
    )
    .returning(PrixProduit)
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
            created = _missing(grille, wanted, former)
            changed = await _replace(tx, wanted, former)
            await _record(tx, [*created, *changed], former)
        there = {prix.produit_id: prix for prix in (*former, *created, *changed)}
        return pb.BulkSetPrixProduitsResponse(
            prix=[to_message(there[produit_id], pb.PrixProduit) for produit_id in wanted],
            crees=len(created),
            modifies=len(changed),
        )

    async def List(
        self, request: pb.ListPrixProduitsRequest, context: Context
    ) -> pb.ListPrixProduitsResponse:
        """List prices of a grid, or of a product in all grids, the newest first."""
        if not (request.grille_tarifaire_id or request.produit_id):
            raise ChampRequis(champ="grille_tarifaire_id")
        page = await page_of(PRIX, self._db.read(), request, of_living_produit=True)
        return list_answer(pb.ListPrixProduitsResponse, page)


async def _check_produits(tx: Transaction, wanted: Mapping[UUID, object]) -> None:
    """Lock the products against deletion. Raises Introuvable for the first one that is not there."""
    there = set(await tx.all(_PRODUITS, produits=list(wanted)))
    for position, produit_id in enumerate(wanted):
        if produit_id not in there:
            raise Introuvable(champ="produit_id", entree=f"items[{position}]", produit_id=str(produit_id))


def _missing(grille: GrilleTarifaire, wanted: Wanted, former: list[PrixProduit]) -> list[PrixProduit]:
    """New prices in *grille* of the products that have none there."""
    priced = {prix.produit_id for prix in former}
    return [
        PrixProduit(
            organisation_id=grille.organisation_id,
            grille_tarifaire_id=grille.id,
            produit_id=produit_id,
            **terms,
        )
        for produit_id, terms in wanted.items()
        if produit_id not in priced
    ]


async def _replace(tx: Transaction, wanted: Wanted, former: list[PrixProduit]) -> list[PrixProduit]:
    """Give those of the *former* prices whose terms differ the wanted ones; these prices as they are now."""
    differing = [prix for prix in former if tarifs.terms(prix) != wanted[prix.produit_id]]
    if not differing:
        return []
    columns = {name: [wanted[prix.produit_id][name] for prix in differing] for name in _TERMS}
    return await tx.all(_REPLACE, id=[prix.id for prix in differing], now=clock.now(), **columns)


async def _record(tx: Transaction, changed: list[PrixProduit], former: list[PrixProduit]) -> None:
    """Insert the prices that are new, and for each of *changed* what it was and what it became."""
    before = {prix.id: tarifs.as_history(tarifs.terms(prix)) for prix in former}
    identity = caller()
    for prix in changed:
        if prix.id not in before:
            await tx.insert(prix)
        await tx.insert(
            HistoriquePrix(
                organisation_id=prix.organisation_id,
                prix_produit_id=prix.id,
                ancien=before.get(prix.id),
                nouveau=tarifs.as_history(tarifs.terms(prix)),
                auteur_id=identity.author,
            )
        )
