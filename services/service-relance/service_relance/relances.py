"""RelanceService: reminders that are planned, and what became of them."""

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceServicer
from db_utils import Listing
from grpc_utils import Context, found, list_answer, optional_date, page_of, to_message
from service_kit import App, Settings

from service_relance.models import Relance

RELANCES = Listing(
    Relance,
    sorts=("date_prevue", "created_at"),
    filters={
        "client_id": None,
        "facture_id": None,
        "contrat_id": None,
        "declencheur": None,
        "statut": None,
        "date_from": lambda day: Relance.date_prevue >= day,
        "date_to": lambda day: Relance.date_prevue <= day,
    },
)


class RelanceService(RelanceServiceServicer):
    """Reminders of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Get(self, request: pb.GetRelanceRequest, context: Context) -> pb.Relance:
        """Read a reminder."""
        return to_message(found(await self._db.read().get(Relance, request.id)), pb.Relance)

    async def List(self, request: pb.ListRelancesRequest, context: Context) -> pb.ListRelancesResponse:
        """List reminders by planned day, the earliest first unless another sort is asked for."""
        page = await page_of(
            RELANCES,
            self._db.read(),
            request,
            date_from=optional_date(request.date_from, "date_from"),
            date_to=optional_date(request.date_to, "date_to"),
        )
        return list_answer(pb.ListRelancesResponse, page)

    async def Cancel(self, request: pb.CancelRelanceRequest, context: Context) -> pb.CancelRelanceResponse:
        """Cancel a planned reminder."""
        raise NotImplementedError

    async def Reschedule(self, request: pb.RescheduleRelanceRequest, context: Context) -> pb.Relance:
        """Plan a reminder for another day."""
        raise NotImplementedError
