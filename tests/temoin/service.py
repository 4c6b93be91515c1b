"""The two services as data, and their RPC service: record an entry and announce it, list entries.

The contract of clients.ClientPartenaireService stands in for one of their own:
client_base_id is the dossier, partenaire_id the key of the entry, role its poison.
"""

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientPartenaireServiceServicer
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, Transaction, uuid7
from grpc_utils import Context
from nats_utils import Subscription, publish
from service_kit import App, Service, Settings
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from tests.temoin.models import Base, Dossier, Ecriture
from tests.temoin.subscribers import IMPATIENCE, count_event

# The row lock of the dossier is held until the commit, so ranks have the order of the commits.
_NEXT_RANK = (
    insert(Dossier)
    .values(nom=bindparam("nom", type_=Dossier.nom.type), rang=1)
    .on_conflict_do_update(index_elements=["nom"], set_={"rang": Dossier.rang + 1})
    .returning(Dossier.rang)
)
_OF_DOSSIER = select(Ecriture.cle).where(Ecriture.dossier == bindparam("dossier")).order_by(Ecriture.rang)


async def record(tx: Transaction, dossier: str, cle: str, poison: str = "") -> Ecriture:
    """Record an entry of *dossier* under *cle* and announce it as a client.created with *poison*."""
    rang = await tx.one(_NEXT_RANK, nom=dossier)
    assert rang is not None
    ecriture = await tx.insert(Ecriture(cle=cle, dossier=dossier, rang=rang))
    publish(tx, ClientCreatedEvent(client_id=dossier, nom=cle, prenom=str(rang), email=poison))
    return ecriture


async def record_many(database: Database, count: int, dossier: str = "d") -> None:
    """Record *count* entries of *dossier* in one transaction."""
    async with database.transaction() as tx:
        for _ in range(count):
            await record(tx, dossier, str(uuid7()))


class EcritureService(ClientPartenaireServiceServicer):
    """Entries of dossiers."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(
        self, request: pb.CreateClientPartenaireRequest, context: Context
    ) -> pb.ClientPartenaire:
        """Record an entry; its version is its rank."""
        async with self._db.transaction() as tx:
            entry = await record(tx, request.client_base_id, request.partenaire_id, request.role)
        return pb.ClientPartenaire(id=str(entry.id), partenaire_id=entry.cle, version=entry.rang)

    async def List(
        self, request: pb.ListClientPartenairesRequest, context: Context
    ) -> pb.ListClientPartenairesResponse:
        """The keys of a dossier's entries, in order."""
        keys = await self._db.read().all(_OF_DOSSIER, dossier=request.client_base_id)
        entries = [pb.ClientPartenaire(partenaire_id=key) for key in keys]
        return pb.ListClientPartenairesResponse(clients=entries)


SUBSCRIPTION = Subscription(ClientCreatedEvent, count_event, retry_policy=IMPATIENCE)

TEMOIN = Service(
    name="temoin",
    port=50098,
    package="tests.temoin",
    tables=Base.metadata,
    servicers=(EcritureService,),
    publishes=(ClientCreatedEvent,),
    subscriptions=(SUBSCRIPTION,),
)
ARCHIVE = Service(
    name="archive",
    port=50099,
    package="tests.temoin",
    tables=Base.metadata,
    servicers=(),
    subscriptions=(SUBSCRIPTION,),
)
