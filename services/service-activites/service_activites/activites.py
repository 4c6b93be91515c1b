"""ActiviteService: calls, mails, meetings and notes on clients and contracts."""

from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import ActiviteServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, ReferenceViolation
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    list_answer,
    page_of,
    required,
    to_message,
)
from grpc_utils.errors import Introuvable
from service_kit import App, Settings
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from service_activites import rules
from service_activites.models import Activite, TypeActivite
from service_activites.types_activite import named_type

ACTIVITES = Listing(
    Activite,
    sorts=("date_activite desc", "echeance nulls last", "created_at"),
    filters={
        "type_id": None,
        "client_base_id": None,
        "contrat_id": None,
        "du": lambda instant: Activite.date_activite >= instant,
        "au": lambda instant: Activite.date_activite <= instant,
    },
    search=Activite.recherche_cle,
)
_TYPES = select(TypeActivite).where(TypeActivite.id == any_(bindparam("ids", type_=ARRAY(Uuid))))


class ActiviteService(ActiviteServiceServicer):
    """Activities of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateActiviteRequest, context: Context) -> pb.Activite:
        """Note an activity of the caller (R4, R5)."""
        required(request.type_id or request.type_code, "type_code")
        named = "type_code" if request.type_code else "type_id"
        kind = await named_type(self._db.read(), request.type_id, request.type_code, named)
        activite = rules.new_activite(request, kind.id, caller())
        try:
            async with self._db.transaction() as tx:
                await tx.insert(activite)
        except ReferenceViolation:  # the type was deleted at this very moment
            raise Introuvable(champ=named) from None
        return _message(activite, kind)

    async def Get(self, request: pb.GetActiviteRequest, context: Context) -> pb.Activite:
        """Read an activity."""
        reader = self._db.read()
        activite = found(await reader.get(Activite, request.id))
        return _message(activite, found(await reader.get(TypeActivite, activite.type_id)))

    async def List(self, request: pb.ListActivitesRequest, context: Context) -> pb.ListActivitesResponse:
        """List activities, the latest first unless another sort is asked for (R6)."""
        rules.check_bounds(request)
        reader = self._db.read()
        page = await page_of(ACTIVITES, reader, request)
        types = await reader.all(_TYPES, ids=list({row.type_id for row in page.rows}))
        known = {kind.id: kind for kind in types}
        messages = [_message(row, known[row.type_id]) for row in page.rows]
        return list_answer(pb.ListActivitesResponse, page, messages)

    async def Update(self, request: pb.UpdateActiviteRequest, context: Context) -> pb.Activite:
        """Change the fields that the request carries (R4, R5)."""
        try:
            async with self._db.transaction() as tx:
                activite = found(await tx.get(Activite, request.id, lock=True))
                changed = rules.activite_changes(activite, request)
                given = required(request.type_id, "type_id") if request.HasField("type_id") else None
                kind = found(await tx.get(TypeActivite, given or activite.type_id), "type_id")
                await tx.update(activite, expected=expected_version(request), type_id=kind.id, **changed)
        except ReferenceViolation:  # the type was deleted at this very moment
            raise Introuvable(champ="type_id") from None
        return _message(activite, kind)

    async def Delete(self, request: pb.DeleteActiviteRequest, context: Context) -> DeleteResponse:
        """Remove an activity for good (R19)."""
        async with self._db.transaction() as tx:
            activite = await tx.get(Activite, request.id, lock=True)
            if activite is not None:
                await tx.delete(activite)
        return DeleteResponse(success=activite is not None)


def _message(activite: Activite, kind: TypeActivite) -> pb.Activite:
    return to_message(activite, pb.Activite, type_code=kind.code, type_nom=kind.nom)
