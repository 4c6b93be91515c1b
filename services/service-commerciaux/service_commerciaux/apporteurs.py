"""ApporteurService: who brings clients, and who manages whom."""

from uuid import UUID

from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, Transaction
from grpc_utils import (
    Context,
    expected_version,
    found,
    list_answer,
    page_of,
    required,
    to_message,
)
from grpc_utils.errors import ReferenceInconnue
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_commerciaux import rules
from service_commerciaux.models import Apporteur, ModeleDistribution

APPORTEURS = Listing(
    Apporteur,
    sorts=("nom", "prenom", "created_at"),
    filters=("type_apporteur", "actif", "societe_id", "manager_id"),
    search=Apporteur.recherche_cle,
)
_BY_UTILISATEUR = select(Apporteur).where(
    Apporteur.organisation_id == bindparam("organisation_id"),
    Apporteur.utilisateur_id == bindparam("utilisateur_id"),
)
_superiors = (
    select(Apporteur.id, Apporteur.manager_id)
    .where(Apporteur.id == bindparam("manager_id"))
    .cte("superiors", recursive=True)
)
_superiors = _superiors.union(
    select(Apporteur.id, Apporteur.manager_id).where(Apporteur.id == _superiors.c.manager_id)
)
_IS_SUPERIOR = select(_superiors.c.id).where(_superiors.c.id == bindparam("apporteur_id"))


class ApporteurService(ApporteurServiceServicer):
    """Apporteurs of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateApporteurRequest, context: Context) -> pb.Apporteur:
        """Add an apporteur (R1 to R5)."""
        apporteur = rules.new_apporteur(request)
        async with self._db.transaction() as tx:
            await _check_manager(tx, apporteur, apporteur.manager_id)
            await _check_modele(tx, apporteur, apporteur.modele_distribution_id)
            await tx.insert(apporteur)
        return to_message(apporteur, pb.Apporteur)

    async def Get(self, request: pb.GetApporteurRequest, context: Context) -> pb.Apporteur:
        """Read an apporteur."""
        return to_message(found(await self._db.read().get(Apporteur, request.id)), pb.Apporteur)

    async def GetByUtilisateur(
        self, request: pb.GetApporteurByUtilisateurRequest, context: Context
    ) -> pb.Apporteur:
        """Find the apporteur who is a user, in the caller's organisation only (R9)."""
        utilisateur_id = required(request.utilisateur_id, "utilisateur_id")
        apporteur = await self._db.read().one(
            _BY_UTILISATEUR, organisation_id=request.organisation_id, utilisateur_id=utilisateur_id
        )
        return to_message(found(apporteur), pb.Apporteur)

    async def List(self, request: pb.ListApporteursRequest, context: Context) -> pb.ListApporteursResponse:
        """List apporteurs by name, active and inactive ones unless told otherwise (R6)."""
        page = await page_of(APPORTEURS, self._db.read(), request)
        return list_answer(pb.ListApporteursResponse, page)

    async def Update(self, request: pb.UpdateApporteurRequest, context: Context) -> pb.Apporteur:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            apporteur = found(await tx.get(Apporteur, request.id, lock=True))
            changed = rules.apporteur_changes(request)
            if changed.get("manager_id") != apporteur.manager_id:
                await _check_manager(tx, apporteur, changed.get("manager_id"))
            await _check_modele(tx, apporteur, changed.get("modele_distribution_id"))
            await tx.update(apporteur, expected=expected_version(request), **changed)
        return to_message(apporteur, pb.Apporteur)

    async def Activer(self, request: pb.ActiverApporteurRequest, context: Context) -> pb.Apporteur:
        """Put an apporteur back in service (R6)."""
        return await self._set_actif(request.id, actif=True)

    async def Desactiver(self, request: pb.DesactiverApporteurRequest, context: Context) -> pb.Apporteur:
        """Take an apporteur out of service; he stays readable (R6)."""
        return await self._set_actif(request.id, actif=False)

    async def Delete(self, request: pb.DeleteApporteurRequest, context: Context) -> DeleteResponse:
        """Remove for good an apporteur who manages nobody (R7)."""
        async with self._db.transaction() as tx:
            apporteur = await tx.get(Apporteur, request.id, lock=True)
            if apporteur is not None:
                await tx.delete(apporteur)
        return DeleteResponse(success=apporteur is not None)

    async def _set_actif(self, apporteur_id: str, *, actif: bool) -> pb.Apporteur:
        async with self._db.transaction() as tx:
            apporteur = found(await tx.get(Apporteur, apporteur_id, lock=True))
            await tx.update(apporteur, actif=actif)
        return to_message(apporteur, pb.Apporteur)


async def _check_manager(tx: Transaction, apporteur: Apporteur, manager_id: UUID | None) -> None:
    """Check that *manager_id* may manage *apporteur* (R5).

    Raises ReferenceInconnue, ManagerInactif, Cycle.
    """
    if manager_id is None:
        return
    # Two changes at once, each right by itself, may close a cycle.
    await tx.lock("managers", apporteur.organisation_id)
    manager = await tx.get(Apporteur, manager_id)
    if manager is None or manager.organisation_id != apporteur.organisation_id:
        raise ReferenceInconnue(champ="manager_id")
    if not manager.actif:
        raise rules.ManagerInactif(champ="manager_id")
    if await tx.one(_IS_SUPERIOR, manager_id=manager_id, apporteur_id=apporteur.id) is not None:
        raise rules.Cycle(champ="manager_id")


async def _check_modele(tx: Transaction, apporteur: Apporteur, modele_id: UUID | None) -> None:
    """Check that the organisation of *apporteur* has the model, where given. Raises ReferenceInconnue."""
    if modele_id is None:
        return
    modele = await tx.get(ModeleDistribution, modele_id)
    if modele is None or modele.organisation_id != apporteur.organisation_id:
        raise ReferenceInconnue(champ="modele_distribution_id")
