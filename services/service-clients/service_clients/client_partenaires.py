"""ClientPartenaireService: links that say which partner takes part in which client, and when."""

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientPartenaireServiceServicer
from db_utils import Listing
from grpc_utils import Context, found, list_answer, optional_date, page_of, required, to_message
from service_kit import App, Settings
from sqlalchemy import BindParameter, ColumnElement, and_, or_, select

from service_clients import rules
from service_clients.models import ClientBase, ClientPartenaire

_OF_LIVING_CLIENT = (
    select(ClientBase.id)
    .where(ClientBase.id == ClientPartenaire.client_base_id, ClientBase.supprime_le.is_(None))
    .exists()
)


def _active_on(day: BindParameter[object]) -> ColumnElement[bool]:
    return and_(
        ClientPartenaire.valid_from <= day,
        or_(ClientPartenaire.valid_to.is_(None), ClientPartenaire.valid_to >= day),
    )


PARTENAIRES = Listing(
    ClientPartenaire,
    sorts=("valid_from desc",),
    filters={
        "client_base_id": None,
        "partenaire_id": None,
        "actif_le": _active_on,
        "of_living_client": lambda _: _OF_LIVING_CLIENT,
    },
)


class ClientPartenaireService(ClientPartenaireServiceServicer):
    """Partner links of the clients of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(
        self, request: pb.CreateClientPartenaireRequest, context: Context
    ) -> pb.ClientPartenaire:
        """Link a partner to a client; their periods in one role may not overlap (R16)."""
        client_id = required(request.client_base_id, "client_base_id")
        async with self._db.transaction() as tx:
            client = found(await tx.get(ClientBase, client_id, lock=True))
            partenaire = await tx.insert(rules.new_partenaire(client, request))
        return to_message(partenaire, pb.ClientPartenaire)

    async def List(
        self, request: pb.ListClientPartenairesRequest, context: Context
    ) -> pb.ListClientPartenairesResponse:
        """List links of living clients, the latest beginning first."""
        page = await page_of(
            PARTENAIRES,
            self._db.read(),
            request,
            actif_le=optional_date(request.actif_le, "actif_le"),
            of_living_client=True,
        )
        return list_answer(pb.ListClientPartenairesResponse, page)
