"""OrganisationService: the tenants themselves.

An organisation is its own tenant: its id is what other tables hold in `organisation_id`. The
kernel keeps those tables apart by that column; here `_seen` does it by the id (R1).
"""

from crm.common.common_pb2 import DeleteResponse
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceServicer
from db_utils import Conflict, Listing, Scope, Transaction, within
from db_utils import scope as current_scope
from grpc_utils import Context, caller, expected_version, found, list_answer, page_of, timestamp, to_message
from grpc_utils.errors import (
    EncoreUtilise,
    ExisteDeja,
    FailedPrecondition,
)
from service_kit import App, Settings
from sqlalchemy import bindparam, func, select, update

from service_organisations import rules
from service_organisations.models import Organisation, Partenaire, Societe

ORGANISATIONS = Listing(
    Organisation,
    sorts=("nom", "created_at"),
    filters=("id", "actif", "etat"),
    search=Organisation.recherche_cle,
)
_NOBODY = "-"  # equals no id, since none begins with a hyphen (C2)
_of = bindparam("organisation_id", type_=Organisation.id.type)
_SOCIETE = select(Societe.id).where(Societe.organisation_id == _of).limit(1)
_PARTENAIRE = select(Partenaire.id).where(Partenaire.organisation_id == _of).limit(1)
_instant = bindparam("instant", type_=Organisation.last_activity_at.type)
# One statement without the version: touching is no change of the organisation (R7).
_TOUCH = (
    update(Organisation)
    .where(Organisation.id == _of)
    .values(last_activity_at=func.greatest(Organisation.last_activity_at, _instant))
    .returning(Organisation.last_activity_at)
)
_PRIMARY_KEY = "pk_organisations"


class IdReserve(ExisteDeja):
    """Cet identifiant était celui d'une organisation supprimée."""


class OrganisationSupprimee(FailedPrecondition):
    """Cette organisation a été supprimée."""


class OrganisationService(OrganisationServiceServicer):
    """Organisations: a user sees the own one, a service all of them (R1)."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._tenancy = app.database, app.settings.tenancy()

    async def Create(self, request: pb.CreateOrganisationRequest, context: Context) -> pb.Organisation:
        """Create an organisation without members; the users service adds them afterwards."""
        organisation = rules.new_organisation(request)
        try:
            async with self._db.transaction() as tx:
                await tx.insert(organisation)
        except Conflict as conflict:
            raise await self._taken(conflict, organisation.id) from None
        return to_message(organisation, pb.Organisation)

    async def EnsureExists(
        self, request: pb.EnsureExistsRequest, context: Context
    ) -> pb.EnsureExistsResponse:
        """Read the organisation, or make a provisional one, once among calls at once (R4)."""
        provisional = rules.provisional(request)
        async with self._db.transaction() as tx:
            made = await tx.insert_if_absent(provisional)
            organisation = provisional if made else await tx.get(Organisation, provisional.id)
        if organisation is None:
            raise OrganisationSupprimee
        return pb.EnsureExistsResponse(organisation=to_message(organisation, pb.Organisation), cree=made)

    async def Get(self, request: pb.GetOrganisationRequest, context: Context) -> pb.Organisation:
        """Read an organisation."""
        organisation = found(await self._db.read().get(Organisation, self._seen(request.id)))
        return to_message(organisation, pb.Organisation)

    async def List(
        self, request: pb.ListOrganisationsRequest, context: Context
    ) -> pb.ListOrganisationsResponse:
        """List organisations by name; a user sees one at most."""
        own = current_scope.get().organisation_id or _NOBODY
        page = await page_of(
            ORGANISATIONS, self._db.read(), request, id=None if caller().kind == "service" else own
        )
        return list_answer(pb.ListOrganisationsResponse, page)

    async def Update(self, request: pb.UpdateOrganisationRequest, context: Context) -> pb.Organisation:
        """Change the fields that the request carries."""
        try:
            async with self._db.transaction() as tx:
                organisation = found(await tx.get(Organisation, self._seen(request.id), lock=True))
                changed = rules.organisation_changes(organisation, request)
                await tx.update(organisation, expected=expected_version(request), **changed)
        except Conflict as conflict:
            raise await self._taken(conflict, request.id) from None
        return to_message(organisation, pb.Organisation)

    async def Delete(self, request: pb.DeleteOrganisationRequest, context: Context) -> DeleteResponse:
        """Hide an organisation for ever; its id stays reserved. Refused while it is in use (R6)."""
        async with self._db.transaction() as tx:
            organisation = await tx.get(Organisation, self._seen(request.id), lock=True)
            if organisation is not None:
                await _check_unused(tx, organisation)
                await tx.delete(organisation)
        return DeleteResponse(success=organisation is not None)

    async def TouchActivity(
        self, request: pb.TouchActivityRequest, context: Context
    ) -> pb.TouchActivityResponse:
        """Record that somebody of the organisation was active; an older instant changes nothing (R7)."""
        instant = rules.activity_instant(request)
        async with self._db.transaction() as tx:
            latest = await tx.one(_TOUCH, organisation_id=request.id, instant=instant)
        return pb.TouchActivityResponse(last_activity_at=timestamp(found(latest)))

    def _seen(self, organisation_id: str) -> str:
        """The id itself where the caller may see its organisation, else one that no organisation has (R1)."""
        own = current_scope.get().organisation_id
        return organisation_id if organisation_id == own or self._tenancy.open_to(caller()) else _NOBODY

    async def _taken(self, conflict: Conflict, organisation_id: str) -> ExisteDeja:
        """Refusal for an id or SIRET that is taken.

        The id of the organisation that has the SIRET is told to its own members and to services only.
        """
        if conflict.constraint == _PRIMARY_KEY:
            living = await self._db.read().get(Organisation, organisation_id)
            kind = IdReserve if living is None else ExisteDeja
            return kind(contrainte=_PRIMARY_KEY)
        own = caller().kind == "service" or current_scope.get().organisation_id == conflict.existing_id
        known = {"id": str(conflict.existing_id)} if own and conflict.existing_id else {}
        return ExisteDeja(contrainte=conflict.constraint, **known)


async def _check_unused(tx: Transaction, organisation: Organisation) -> None:
    """Refuse to delete an organisation with companies or partners (R6). Raises EncoreUtilise."""
    with within(Scope(organisation.id)):  # a service may work for another organisation meanwhile
        for used in (_SOCIETE, _PARTENAIRE):
            if await tx.one(used, organisation_id=organisation.id):
                raise EncoreUtilise
