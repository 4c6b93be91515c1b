"""The payments service as far as the dashboard calls it: a real server with the payments of a test."""

from dataclasses import dataclass, field
from typing import Any

from crm.common.common_pb2 import PaginationResult
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentServiceServicer
from db_utils import uuid7
from grpc_utils import Context
from grpc_utils.errors import Refusal
from service_testing.doubles import double


@dataclass
class Caisse:
    """The payments that exist, how many are told on a page, and the next refusals."""

    payments: dict[str, pb.Payment] = field(default_factory=dict)
    page: int = 100
    refusals: list[Refusal] = field(default_factory=list)

    def add(self, org: str, **fields: Any) -> pb.Payment:
        """Add a payment of 49.90 € that came on 5 February 2026; *fields* replace the usual ones."""
        usual: dict[str, Any] = {
            "id": str(uuid7()),
            "organisation_id": org,
            "client_id": "client-123",
            "montant": 49.9,
            "statut": "PAID",
            "date_reception": "2026-02-05",
        }
        payment = pb.Payment(**(usual | fields))
        self.payments[payment.id] = payment
        return payment

    def told(self, request: pb.ListPaymentsRequest) -> pb.ListPaymentsResponse:
        """A page of the payments that *request* asks for; its token is the number of those before it."""
        kept = [
            one
            for one in self.payments.values()
            if one.organisation_id == request.organisation_id and one.statut in request.statut
        ]
        start = int(request.pagination.page_token or 0)
        end = start + self.page
        token = str(end) if end < len(kept) else ""
        return pb.ListPaymentsResponse(
            payments=kept[start:end], pagination=PaginationResult(next_page_token=token)
        )


CAISSE = Caisse()


@double
class Payments(PaymentServiceServicer):
    """Payments, as far as the dashboard asks for them."""

    async def List(self, request: pb.ListPaymentsRequest, context: Context) -> pb.ListPaymentsResponse:
        """Tell the payments of `CAISSE`, or refuse as the test has ordered."""
        if CAISSE.refusals:
            raise CAISSE.refusals.pop(0)
        return CAISSE.told(request)


def payments() -> object:
    """The double that answers what `CAISSE` says."""
    kind: Any = Payments  # abstract for mypy, which does not see what `double` adds
    return kind()
