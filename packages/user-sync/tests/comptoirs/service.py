"""The two services as data, and their one RPC: a visit.

The contract of dashboard.DashboardKpisService stands in for one of their own: a societe_id in the
request has the visit written down; date_debut, date_fin and nouveaux_clients answer the id, the role
and the number of permissions of the local user.
"""

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceServicer
from db_utils import Transaction
from grpc_utils import Context
from service_kit import App, Service, Settings
from tests.comptoirs.models import Base, Compte, Panne, Visite
from user_sync import UserSync, UtilisateurLocal, utilisateur_local


class EnPanne(Exception):
    """No account can be opened for this organisation."""


class Comptoir(DashboardKpisServiceServicer):
    """The counter, which serves visits."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Tell the visitor who he is here."""
        user = utilisateur_local()
        if user is None:
            return pb.GetKpisResponse()
        if request.societe_id:
            async with self._db.transaction() as tx:
                await tx.insert(Visite(utilisateur=user.id))
        return pb.GetKpisResponse(
            date_debut=user.id, date_fin=user.role, nouveaux_clients=len(user.permissions)
        )

    async def GetTresorerie(self, request: pb.DashboardFilters, context: Context) -> pb.GetTresorerieResponse:
        """Answer nothing: no test asks."""
        return pb.GetTresorerieResponse()


async def open_account(tx: Transaction, organisation_id: str, user: UtilisateurLocal) -> None:
    """Open the account of an organisation, unless it is broken."""
    await tx.insert(Compte(organisation_id=organisation_id, ouvert_pour=user.id))
    if await tx.get(Panne, organisation_id) is not None:
        raise EnPanne


COMPTABILITE_SYNC = UserSync(
    app_code="accounting", service_name="accounting-service", premiere_connexion=open_account
)
VENTE_SYNC = UserSync(
    app_code="commercial", service_name="gestion-commerciale-service", premiere_connexion=open_account
)

COMPTABILITE = Service(
    name="comptabilite",
    port=50096,
    package="tests.comptoirs",
    tables=Base.metadata,
    servicers=(Comptoir,),
    components=(COMPTABILITE_SYNC,),
)
VENTE = Service(
    name="vente",
    port=50097,
    package="tests.comptoirs",
    tables=Base.metadata,
    servicers=(Comptoir,),
    components=(VENTE_SYNC,),
)
