"""CommissionAuditService: what was computed, decided and changed (R30). It is written by `audit.py`."""

from datetime import date, datetime, time

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import CommissionAuditServiceServicer
from db_utils import Listing, clock
from grpc_utils import Context, list_answer, optional_date, page_of
from service_kit import App, Settings

from service_commission.models import CommissionAudit

JOURNAL = Listing(
    CommissionAudit,
    sorts=("at desc",),
    filters={
        "ref_id": None,
        "scope": None,
        "action": None,
        "beneficiaire_id": None,
        "contrat_id": None,
        "since": lambda value: CommissionAudit.at >= value,
        "until": lambda value: CommissionAudit.at <= value,
    },
)


class CommissionAuditService(CommissionAuditServiceServicer):
    """Journal of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def List(
        self, request: pb.ListCommissionAuditRequest, context: Context
    ) -> pb.ListCommissionAuditResponse:
        """List entries, the latest first; days are those of Paris, both included."""
        since = optional_date(request.date_from, "date_from")
        until = optional_date(request.date_to, "date_to")
        page = await page_of(
            JOURNAL,
            self._db.read(),
            request,
            since=_instant(since, time.min) if since else None,
            until=_instant(until, time.max) if until else None,
        )
        return list_answer(pb.ListCommissionAuditResponse, page)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, clock.PARIS)
