"""ClientBaseService: clients themselves, and client.created, the one event of this service."""

from uuid import UUID

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceServicer
from crm.common.common_pb2 import DeleteResponse
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Conflict, Listing, Transaction, text_key
from grpc_utils import (
    Context,
    expected_version,
    found,
    list_answer,
    page_of,
    required,
    timestamp,
    to_message,
)
from grpc_utils.errors import FormatInvalide, ReferenceInconnue
from nats_utils import publish
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_clients import phones, rules
from service_clients.codes import ClientCodes
from service_clients.models import Adresse, ClientBase, ClientEntreprise, StatutClient

CLIENTS = Listing(
    ClientBase,
    sorts=("created_at desc", "nom", "prenom", "date_creation"),
    filters=("statut", "type_client", "societe_id", "commercial_id"),
    search=ClientBase.recherche_cle,
    number=phones.whole,
)
_BY_PHONE_AND_NAME = select(ClientBase).where(
    ClientBase.telephone_e164 == bindparam("telephone"), ClientBase.nom_cle == bindparam("nom_cle")
)
_ADRESSES = (
    select(Adresse)
    .where(Adresse.client_base_id == bindparam("client_id"))
    .order_by(Adresse.created_at, Adresse.id)
)
# Shared lock: a status cannot be deleted while a client is getting it.
_OWN_STATUT = (
    select(StatutClient)
    .where(
        StatutClient.organisation_id == bindparam("organisation_id"), StatutClient.code == bindparam("code")
    )
    .with_for_update(read=True)
)
_CODE_TAKEN = "uq_client_code"


class ClientBaseService(ClientBaseServiceServicer):
    """Clients of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database
        self._codes = ClientCodes(app.database)

    async def Create(self, request: pb.CreateClientBaseRequest, context: Context) -> pb.ClientBase:
        """Create a client of the caller's organisation and announce it (R1, R18)."""
        given = rules.account_code(request.compte_code) if request.compte_code else ""
        while True:
            client = rules.new_client(request, given or await self._codes.next(request.organisation_id))
            try:
                async with self._db.transaction() as tx:
                    await _check_references(
                        tx, client.organisation_id, client.statut, client.client_entreprise_id
                    )
                    await tx.insert(client)
                    publish(tx, _created(client))
            except Conflict as conflict:
                if given or conflict.constraint != _CODE_TAKEN:
                    raise
                continue  # somebody had given this number by hand: take the next one
            return to_message(client, pb.ClientBase)

    async def Get(self, request: pb.GetClientBaseRequest, context: Context) -> pb.ClientBase:
        """Read a client with its addresses."""
        return _with_adresses(
            *found(await self._db.read().get_with(ClientBase, request.id, Adresse.client_base_id))
        )

    async def List(self, request: pb.ListClientBasesRequest, context: Context) -> pb.ListClientBasesResponse:
        """List clients, the newest first unless another sort is asked for (R11)."""
        page = await page_of(CLIENTS, self._db.read(), request)
        return list_answer(pb.ListClientBasesResponse, page)

    async def Update(self, request: pb.UpdateClientBaseRequest, context: Context) -> pb.ClientBase:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            client = found(await tx.get(ClientBase, request.id, lock=True))
            changed = rules.client_changes(client, request)
            await _check_references(
                tx, client.organisation_id, changed.get("statut"), changed.get("client_entreprise_id")
            )
            await tx.update(client, expected=expected_version(request), **changed)
            adresses = await tx.all(_ADRESSES, client_id=client.id)
        return _with_adresses(client, adresses)

    async def Delete(self, request: pb.DeleteClientBaseRequest, context: Context) -> DeleteResponse:
        """Hide a client for ever; its phone, name and account code become free (R13)."""
        async with self._db.transaction() as tx:
            client = await tx.get(ClientBase, request.id, lock=True)
            if client is not None:
                await tx.delete(client)
        return DeleteResponse(success=client is not None)

    async def Search(
        self, request: pb.SearchClientBaseRequest, context: Context
    ) -> pb.SearchClientBaseResponse:
        """Find the client that has this phone and name, however they are spelt (R12)."""
        nom_cle = text_key(required(request.nom, "nom"))
        try:
            telephone = phones.read(required(request.telephone, "telephone"))
        except FormatInvalide:
            return pb.SearchClientBaseResponse(found=False)
        client = await self._db.read().one(_BY_PHONE_AND_NAME, telephone=telephone.e164, nom_cle=nom_cle)
        if client is None:
            return pb.SearchClientBaseResponse(found=False)
        return pb.SearchClientBaseResponse(found=True, client=to_message(client, pb.ClientBase))


async def _check_references(
    tx: Transaction, organisation_id: str, statut: str | None, entreprise_id: UUID | None
) -> None:
    """Check that the organisation has the status and the company sheet, where given (R9, R10).

    Raises StatutInconnu, ReferenceInconnue.
    """
    own = statut is not None and statut not in rules.SYSTEM_STATUTS
    if own and await tx.one(_OWN_STATUT, organisation_id=organisation_id, code=statut) is None:
        raise rules.StatutInconnu(champ="statut")
    if entreprise_id is not None:
        entreprise = await tx.get(ClientEntreprise, entreprise_id)
        if entreprise is None or entreprise.organisation_id != organisation_id:
            raise ReferenceInconnue(champ="client_entreprise_id")


def _created(client: ClientBase) -> ClientCreatedEvent:
    return ClientCreatedEvent(
        client_id=str(client.id),
        organisation_id=client.organisation_id,
        nom=client.nom,
        prenom=client.prenom,
        email=client.email or "",
        created_at=timestamp(client.created_at),
        societe_id=client.societe_id or "",
    )


def _with_adresses(client: ClientBase, adresses: list[Adresse]) -> pb.ClientBase:
    return to_message(
        client, pb.ClientBase, adresses=[to_message(adresse, pb.Adresse) for adresse in adresses]
    )
