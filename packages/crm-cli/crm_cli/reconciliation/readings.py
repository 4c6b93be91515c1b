"""Asks each service for its figures, page after page, as somebody of one organisation."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

import grpc
from crm.calendar.calendar_pb2 import ListPlannedDebitsRequest
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from crm.commission.commission_pb2 import ListCommissionsRequest
from crm.commission.commission_pb2_grpc import CommissionServiceStub
from crm.dashboard.dashboard_pb2 import DashboardFilters
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from crm.factures.factures_pb2 import ListFacturesRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments.payments_pb2 import ListPaymentsRequest, Payment
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import LARGEST_SIZE
from grpc_utils import AUTHORIZATION, rounded

from crm_cli.home import CommandError
from crm_cli.reconciliation.differences import ZERO, Facture, Paiement, Part, Readings, sums

_PATIENCE = 30.0  # seconds for a page
_RECEIVED: Final = frozenset({"PAID", "PARTIALLY_REFUNDED"})
_COLLECTED: Final = _RECEIVED | {"REFUNDED"}
_CALLED = ("payments", "factures", "commission", "calendar", "dashboard")


def read(addresses: Mapping[str, str], token: str) -> Readings:
    """Read what the services at *addresses* tell the holder of *token*. Raises CommandError."""
    with ExitStack() as stack:
        channels = {name: stack.enter_context(grpc.insecure_channel(addresses[name])) for name in _CALLED}
        try:
            return _Source(channels, token).readings()
        except grpc.RpcError as error:
            call: Any = error
            raise CommandError(f"a service does not answer: {call.code().name}, {call.details()}") from error


class _Source:
    def __init__(self, channels: Mapping[str, grpc.Channel], token: str) -> None:
        self._channels = channels
        self._metadata = ((AUTHORIZATION, f"Bearer {token}"),)

    def readings(self) -> Readings:
        """Everything; payments first, which decide the period of the receipts."""
        payments = list(self._rows(PaymentServiceStub, ListPaymentsRequest(), "payments"))
        factures = self._rows(InvoiceServiceStub, ListFacturesRequest(type="FACTURE"), "factures")
        parts = self._rows(CommissionServiceStub, ListCommissionsRequest(), "commissions")
        return Readings(
            paiements=[_paiement(one) for one in payments],
            factures=[
                Facture(one.id, one.numero, _euros(one.montant_regle)) for one in factures if one.numero
            ],
            parts=[_part(one) for one in parts if one.payment_id],
            calendrier=self._debited(),
            tresorerie=self._receipts(
                [day for one in payments for day in (one.date_reception, one.date_rejet) if day]
            ),
        )

    def _debited(self) -> dict[str, Decimal]:
        """What was debited of each schedule."""
        asked = ListPlannedDebitsRequest(statut="EXECUTED", date_from="2000-01-01", date_to="2099-12-31")
        rows = self._rows(PlannedDebitServiceStub, asked, "planned_debits")
        return sums(
            (row.schedule_id, _euros(row.montant_reel if row.HasField("montant_reel") else row.montant))
            for row in rows
        )

    def _receipts(self, days: list[str]) -> Decimal:
        """The receipts of the dashboard in the years of *days*, those on which money came or went."""
        stub = self._stub(DashboardKpisServiceStub)
        answers = [
            stub.GetTresorerie(asked, metadata=self._metadata, timeout=_PATIENCE) for asked in years_of(days)
        ]
        return sum((_euros(answer.encaisse) for answer in answers), ZERO)

    def _rows(self, kind: Callable[[Any], Any], request: Any, field: str) -> Iterator[Any]:
        """The rows of a List, all pages of it."""
        listing = self._stub(kind).List
        request.pagination.page_size = LARGEST_SIZE
        while True:
            answer = listing(request, metadata=self._metadata, timeout=_PATIENCE)
            yield from getattr(answer, field)
            request.pagination.page_token = answer.pagination.next_page_token
            if not request.pagination.page_token:
                return

    def _stub(self, kind: Callable[[Any], Any]) -> Any:
        return kind(self._channels[kind.__module__.split(".")[1]])


def years_of(days: Iterable[str]) -> list[DashboardFilters]:
    """The years of *days*, one by one: the dashboard tells five years at most at once."""
    return [
        DashboardFilters(date_debut=f"{year}-01-01", date_fin=f"{year}-12-31")
        for year in sorted({day[:4] for day in days})
    ]


def _paiement(row: Payment) -> Paiement:
    montant = _euros(row.montant)
    net = montant - _euros(row.montant_rembourse) if row.statut in _RECEIVED else ZERO
    collecte = montant if row.statut in _COLLECTED else ZERO
    return Paiement(row.id, row.facture_id, row.schedule_id, montant, net, collecte)


def _part(row: Any) -> Part:
    reste = ZERO if row.statut == "ANNULEE" else _euros(row.montant) - _euros(row.montant_repris)
    return Part(row.reference, row.payment_id, _euros(row.montant_encaisse), reste)


def _euros(value: float) -> Decimal:
    return rounded(Decimal(repr(value)))
