"""GrilleTarifaireService: price grids, one of which may be the default of its organisation (R11)."""

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GrilleTarifaireServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_products import calcul, tarifs
from service_products.choix_grille import APPLICABLE
from service_products.models import GrilleTarifaire, PrixProduit, Produit

GRILLES = Listing(GrilleTarifaire, sorts=("nom", "date_debut"), filters=("actif", "est_par_defaut"))
_MOST_PRICES = 1_000  # told with a grid: some 150 KB, far below the 4 MiB of an answer (C19)
_PRICES = (
    select(PrixProduit)
    .join(Produit, Produit.id == PrixProduit.produit_id)
    .where(PrixProduit.grille_tarifaire_id == bindparam("grille_id"))
    .order_by(PrixProduit.produit_id)
    .limit(_MOST_PRICES + 1)
)
_DEFAULT = (
    select(GrilleTarifaire)
    .where(GrilleTarifaire.organisation_id == bindparam("organisation_id"), GrilleTarifaire.est_par_defaut)
    .with_for_update()
)


class GrilleTarifaireService(GrilleTarifaireServiceServicer):
    """Price grids of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateGrilleTarifaireRequest, context: Context) -> pb.GrilleTarifaire:
        """Add an active grid; as the default one it replaces the former (R11)."""
        grille = tarifs.new_grille(request)
        async with self._db.transaction() as tx:
            if grille.est_par_defaut:
                await _demote_default(tx, grille)
            await tx.insert(grille)
        return to_message(grille, pb.GrilleTarifaire)

    async def Update(self, request: pb.UpdateGrilleTarifaireRequest, context: Context) -> pb.GrilleTarifaire:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            grille = found(await tx.get(GrilleTarifaire, request.id, lock=True))
            changed = tarifs.grille_changes(grille, request)
            await tx.update(grille, expected=expected_version(request), **changed)
        return to_message(grille, pb.GrilleTarifaire)

    async def GetActive(
        self, request: pb.GetActiveGrilleTarifaireRequest, context: Context
    ) -> pb.GrilleTarifaire:
        """Read the grid that applies on a day, with its prices (R10)."""
        reader, jour = self._db.read(), calcul.moment(request.date).jour
        grille = await reader.one(APPLICABLE, organisation_id=request.organisation_id, jour=jour)
        if grille is None:
            raise tarifs.AucuneGrille
        prix = await reader.all(_PRICES, grille_id=grille.id)
        return to_message(
            grille,
            pb.GrilleTarifaire,
            prix=[to_message(one, pb.PrixProduit) for one in prix[:_MOST_PRICES]],
            prix_incomplets=len(prix) > _MOST_PRICES,
        )

    async def List(
        self, request: pb.ListGrilleTarifairesRequest, context: Context
    ) -> pb.ListGrilleTarifairesResponse:
        """List grids by name or first day."""
        page = await page_of(GRILLES, self._db.read(), request)
        return list_answer(pb.ListGrilleTarifairesResponse, page)

    async def SetParDefaut(self, request: pb.SetParDefautRequest, context: Context) -> pb.GrilleTarifaire:
        """Make an active grid the default one in place of the former (R11)."""
        async with self._db.transaction() as tx:
            await _demote_default(tx, found(await tx.get(GrilleTarifaire, request.id)))
            grille = found(await tx.get(GrilleTarifaire, request.id, lock=True))
            await tx.update(tarifs.check_active(grille), est_par_defaut=True)
        return to_message(grille, pb.GrilleTarifaire)


async def _demote_default(tx: Transaction, wanted: GrilleTarifaire) -> None:
    """Take the default from the grid that has it, unless it is *wanted* itself (R11).

    Until the transaction ends nobody else of the organisation chooses a default: which row will
    have to be demoted is not known before that, so there is none to lock.
    """
    await tx.lock("grille par defaut", wanted.organisation_id)
    former = await tx.one(_DEFAULT, organisation_id=wanted.organisation_id)
    if former is not None and former.id != wanted.id:
        await tx.update(former, est_par_defaut=False)
