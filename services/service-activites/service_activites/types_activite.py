"""TypeActiviteService: the kinds of activities, those of the system and those an organisation adds."""

from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TypeActiviteServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, Reader, scope
from grpc_utils import Context, changes, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import ChampRequis, ExisteDeja
from service_kit import App, Settings
from sqlalchemy import bindparam, or_, select

from service_activites import rules
from service_activites.models import TypeActivite

TYPES = Listing(TypeActivite, sorts=("nom",))
# A service that works for no organisation finds those of the system alone.
_BY_CODE = select(TypeActivite).where(
    TypeActivite.code == bindparam("code"),
    or_(TypeActivite.organisation_id == bindparam("organisation"), TypeActivite.organisation_id.is_(None)),
)
# The unique index compares codes within an organisation, and not with those of the system.
_SUPPLIED = select(TypeActivite.id).where(
    TypeActivite.organisation_id.is_(None), TypeActivite.code == bindparam("code")
)


class TypeActiviteService(TypeActiviteServiceServicer):
    """Types of the system and of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateTypeActiviteRequest, context: Context) -> pb.TypeActivite:
        """Add a type; the codes of the system are taken (R1)."""
        kind = rules.new_type(request)
        async with self._db.transaction() as tx:
            supplied = await tx.one(_SUPPLIED, code=kind.code)
            if supplied is not None:
                raise ExisteDeja(contrainte="uq_type_activite_code", id=str(supplied))
            await tx.insert(kind)
        return to_message(kind, pb.TypeActivite)

    async def Get(self, request: pb.GetTypeActiviteRequest, context: Context) -> pb.TypeActivite:
        """Read a type by its id or by its code. Raises ChampRequis, DesignationAmbigue, Introuvable."""
        if not (request.HasField("id") or request.HasField("code")):
            raise ChampRequis(champ="id")
        kind = await named_type(self._db.read(), request.id, request.code, "code" if request.code else "id")
        return to_message(kind, pb.TypeActivite)

    async def List(
        self, request: pb.ListTypesActiviteRequest, context: Context
    ) -> pb.ListTypesActiviteResponse:
        """List the types that an activity of the organisation may have (R2)."""
        page = await page_of(TYPES, self._db.read(), request)
        return list_answer(pb.ListTypesActiviteResponse, page)

    async def Update(self, request: pb.UpdateTypeActiviteRequest, context: Context) -> pb.TypeActivite:
        """Change the fields that the request carries (R3)."""
        async with self._db.transaction() as tx:
            kind = found(await tx.get(TypeActivite, request.id, lock=True))
            rules.check_own(kind)
            changed = changes(request, ("nom", "description"), mandatory=("nom",))
            await tx.update(kind, expected=expected_version(request), **changed)
        return to_message(kind, pb.TypeActivite)

    async def Delete(self, request: pb.DeleteTypeActiviteRequest, context: Context) -> DeleteResponse:
        """Remove a type of the organisation that no activity has (R3). Raises TypeSysteme, EncoreUtilise."""
        async with self._db.transaction() as tx:
            kind = await tx.get(TypeActivite, request.id, lock=True)
            if kind is not None:
                rules.check_own(kind)
                await tx.delete(kind)
        return DeleteResponse(success=kind is not None)


async def named_type(reader: Reader, type_id: str, code: str, champ: str) -> TypeActivite:
    """The visible type of this id or, without one, of this *code*, which *champ* has given.

    Raises DesignationAmbigue for both, Introuvable.
    """
    if type_id and code:
        raise rules.DesignationAmbigue(champ=champ)
    if not code:
        return found(await reader.get(TypeActivite, type_id), champ)
    organisation = scope.get().organisation_id or ""
    return found(await reader.one(_BY_CODE, code=code.upper(), organisation=organisation), champ)
