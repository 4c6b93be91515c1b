"""ReferentielService: reference lists of invoicing, supplied by the system or made by organisations."""

from crm.common.common_pb2 import DeleteResponse
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import ReferentielServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, list_answer, page_of, required, to_message
from service_kit import App, Settings
from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, exists, or_, select
from sqlalchemy.orm import aliased

from service_organisations import termes
from service_organisations.models import Entree

_own = aliased(Entree)


def _offered(organisation_id: BindParameter[str]) -> ColumnElement[bool]:
    """Condition for the organisation's own entries and those of the system that none of them hides (R13)."""
    hiding = exists().where(
        _own.organisation_id == organisation_id, _own.famille == Entree.famille, _own.code == Entree.code
    )
    return or_(Entree.organisation_id == organisation_id, Entree.organisation_id.is_(None) & ~hiding)


ENTREES = Listing(
    Entree,
    sorts=("ordre", "nom"),
    filters={"famille": None, "offered_to": _offered},
    search=Entree.recherche_cle,
)
_code = (
    Entree.famille == bindparam("famille"),
    Entree.code == bindparam("code"),
)
_mine = (Entree.organisation_id == bindparam("organisation_id"), *_code)
_OWN = select(Entree).where(*_mine).with_for_update()
_FORGET_OWN = delete(Entree).where(*_mine)
_SUPPLIED = select(Entree.id).where(Entree.organisation_id.is_(None), *_code)


class ReferentielService(ReferentielServiceServicer):
    """Reference lists as the caller's organisation sees them."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def List(self, request: pb.ListEntreesRequest, context: Context) -> pb.ListEntreesResponse:
        """List the entries of a family that the organisation may choose from."""
        page = await page_of(
            ENTREES,
            self._db.read(),
            request,
            famille=termes.famille(request.famille),
            offered_to=request.organisation_id,
        )
        return list_answer(pb.ListEntreesResponse, page)

    async def Upsert(self, request: pb.UpsertEntreeRequest, context: Context) -> pb.Entree:
        """Create or replace the organisation's own entry of this code."""
        entree = termes.new_entree(request)
        async with self._db.transaction() as tx:
            entree = await _put(tx, entree)
        return to_message(entree, pb.Entree)

    async def Delete(self, request: pb.DeleteEntreeRequest, context: Context) -> DeleteResponse:
        """Remove the organisation's own entry; the system's entry of this code is offered again (R14)."""
        named = {"famille": termes.famille(request.famille), "code": required(request.code, "code")}
        async with self._db.transaction() as tx:
            deleted = await tx.execute(_FORGET_OWN, organisation_id=request.organisation_id, **named)
            if not deleted and await tx.one(_SUPPLIED, **named) is not None:
                raise termes.ReferentielSysteme
        return DeleteResponse(success=bool(deleted))


async def _put(tx: Transaction, entree: Entree) -> Entree:
    """Insert *entree*, or give its content to the organisation's entry of the same code (R14).

    Tries again when that entry was deleted between the two statements.
    """
    while not await tx.insert_if_absent(entree):
        former = await tx.one(
            _OWN, organisation_id=entree.organisation_id, famille=entree.famille, code=entree.code
        )
        if former is not None:
            return await tx.update(former, **termes.content(entree))
    return entree
