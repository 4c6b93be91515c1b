"""AbonnementService: who belongs to which team. What a team sees is in `visibility.py`."""

from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import AbonnementServiceServicer
from db_utils import Transaction
from grpc_utils import Context, caller, one_of, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App
from sqlalchemy import String, bindparam, select

from service_notifications import rules
from service_notifications.models import EQUIPES, Abonnement
from service_notifications.settings import NotificationsSettings

_ALL = select(Abonnement).order_by(Abonnement.equipe, Abonnement.utilisateur_id)
_OF_TEAM = _ALL.where(Abonnement.equipe == bindparam("equipe", type_=String))
_TEAMS = (
    select(Abonnement.equipe)
    .where(Abonnement.utilisateur_id == bindparam("user", type_=String))
    .order_by(Abonnement.equipe)
)


class AbonnementService(AbonnementServiceServicer):
    """Subscriptions of the users of the caller's organisation to its teams."""

    def __init__(self, app: App[NotificationsSettings]) -> None:
        self._db = app.database

    async def Set(self, request: pb.SetAbonnementRequest, context: Context) -> pb.SetAbonnementResponse:
        """Subscribe a user to a team, or end it; open streams show it at once (R1)."""
        user = rules.reader(caller(), request.utilisateur_id)
        if not request.organisation_id:
            raise OrganisationRequise
        abonnement = Abonnement(
            organisation_id=request.organisation_id,
            equipe=one_of(request.equipe, EQUIPES, "equipe"),
            utilisateur_id=user,
        )
        async with self._db.transaction() as tx:
            await _write(tx, abonnement, wanted=request.abonne)
            return pb.SetAbonnementResponse(equipes=await tx.all(_TEAMS, user=user))

    async def List(self, request: pb.ListAbonnementsRequest, context: Context) -> pb.ListAbonnementsResponse:
        """List who belongs to one team, or to each (R1)."""
        reader = self._db.read()
        if request.equipe:
            equipe = one_of(request.equipe, EQUIPES, "equipe")
            rows = await reader.all(_OF_TEAM, equipe=equipe)
        else:
            rows = await reader.all(_ALL)
        return pb.ListAbonnementsResponse(abonnements=[to_message(row, pb.Abonnement) for row in rows])


async def _write(tx: Transaction, abonnement: Abonnement, *, wanted: bool) -> None:
    if wanted:
        await tx.insert(abonnement, if_absent=True)
    else:
        await tx.delete(abonnement)
