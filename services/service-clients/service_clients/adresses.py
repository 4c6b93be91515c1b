"""AdresseService: postal addresses.

They change under a lock on the row of their client, so that calls at once leave one PRINCIPALE
and twenty addresses at most (R14).
"""

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import AdresseServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, Transaction
from grpc_utils import Context, expected_version, found, list_answer, page_of, required, to_message
from grpc_utils.errors import LimiteAtteinte
from service_kit import App, Settings
from sqlalchemy import bindparam, func, select

from service_clients import rules
from service_clients.models import Adresse, ClientBase

ADRESSES = Listing(Adresse, sorts=("type", "created_at"), filters=("client_base_id",))

_of_client = Adresse.client_base_id == bindparam("client_id")
_COUNT = select(func.count()).select_from(Adresse).where(_of_client)
_PRINCIPALE = select(Adresse).where(_of_client, Adresse.type == rules.PRINCIPALE)


class AdresseService(AdresseServiceServicer):
    """Addresses of the clients of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateAdresseRequest, context: Context) -> pb.Adresse:
        """Add an address; a new PRINCIPALE replaces the former one (R14)."""
        client_id = required(request.client_base_id, "client_base_id")
        async with self._db.transaction() as tx:
            client = found(await tx.get(ClientBase, client_id, lock=True))
            adresse = rules.new_adresse(client, request)
            if (await tx.one(_COUNT, client_id=client.id) or 0) >= rules.MOST_ADRESSES:
                raise LimiteAtteinte(maximum=str(rules.MOST_ADRESSES))
            await _demote_principale(tx, adresse, adresse.type)
            await tx.insert(adresse)
        return to_message(adresse, pb.Adresse)

    async def Update(self, request: pb.UpdateAdresseRequest, context: Context) -> pb.Adresse:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            adresse = found(await _locked(tx, request.id))
            changed = rules.adresse_changes(adresse, request)
            await _demote_principale(tx, adresse, changed.get("type", adresse.type))
            await tx.update(adresse, expected=expected_version(request), **changed)
        return to_message(adresse, pb.Adresse)

    async def Delete(self, request: pb.DeleteAdresseRequest, context: Context) -> DeleteResponse:
        """Remove an address for good."""
        async with self._db.transaction() as tx:
            adresse = await _locked(tx, request.id)
            if adresse is not None:
                await tx.delete(adresse)
        return DeleteResponse(success=adresse is not None)

    async def ListByClient(
        self, request: pb.ListAdressesByClientRequest, context: Context
    ) -> pb.ListAdressesByClientResponse:
        """List the addresses of a client."""
        reader = self._db.read()
        client = found(await reader.get(ClientBase, request.client_base_id))
        page = await page_of(ADRESSES, reader, request, client_base_id=client.id)
        return list_answer(pb.ListAdressesByClientResponse, page)


async def _locked(tx: Transaction, adresse_id: str) -> Adresse | None:
    """Address, read under the lock on its client's row; None when either is gone."""
    adresse = await tx.get(Adresse, adresse_id)
    if adresse is None or await tx.get(ClientBase, adresse.client_base_id, lock=True) is None:
        return None
    return await tx.get(Adresse, adresse_id)  # again: it may have changed before the lock was ours


async def _demote_principale(tx: Transaction, adresse: Adresse, wanted: str) -> None:
    """Turn the former PRINCIPALE of the client into AUTRE when *adresse* is to be it (R14)."""
    if wanted != rules.PRINCIPALE:
        return
    former = await tx.one(_PRINCIPALE, client_id=adresse.client_base_id)
    if former is not None and former.id != adresse.id:
        await tx.update(former, type=rules.AUTRE)
