"""Calls that an outcome owes to other services (C22), written with the outcome and sent after its commit.

Those about one payment reach each service in the order in which they were written.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.calendar.calendar_pb2 import UpdatePlannedDebitStatusRequest
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from crm.commission.commission_pb2 import DeclencherRepriseRequest
from crm.commission.commission_pb2_grpc import RepriseServiceStub
from crm.factures.factures_pb2 import RegisterPaymentRequest, ReversePaymentRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.retry.retry_pb2 import ReportOutcomeRequest
from crm.retry.retry_pb2_grpc import RetryEngineServiceStub
from db_utils import Transaction, clock, parse_uuid
from grpc_utils import Peers
from grpc_utils.errors import Introuvable, TransitionInterdite
from service_kit.outgoing import Command, queue

from service_payments.models import SEPA_DEBIT, Echeance, Payment, Remboursement

# What factures calls a direct debit; the other means have one name.
MODES: Final = {SEPA_DEBIT: "PRELEVEMENT_SEPA"}
# What the calendar calls a planned debit.
PROCESSING, EXECUTED, DEBIT_FAILED, DEBIT_CANCELLED = "PROCESSING", "EXECUTED", "FAILED", "CANCELLED"


def _call(stub: Any, method: str) -> Callable[[Peers, Any], Awaitable[object]]:
    async def send(peers: Peers, request: Any) -> object:
        return await getattr(peers.stub(stub), method)(request)

    return send


REGLEMENT: Final = Command(
    "reglement",
    RegisterPaymentRequest,
    send=_call(InvoiceServiceStub, "RegisterPayment"),
    libelle="règlement d'une facture",
)
ANNULATION: Final = Command(
    "annulation_reglement",
    ReversePaymentRequest,
    send=_call(InvoiceServiceStub, "ReversePayment"),
    libelle="annulation d'un règlement",
)
ISSUE_RETRY: Final = Command(
    "issue_representation",
    ReportOutcomeRequest,
    send=_call(RetryEngineServiceStub, "ReportOutcome"),
    # An attempt that has ended otherwise meanwhile needs no word about this payment.
    done=frozenset({TransitionInterdite.reason}),
    libelle="issue d'une représentation",
)
CALENDRIER: Final = Command(
    "statut_prelevement",
    UpdatePlannedDebitStatusRequest,
    send=_call(PlannedDebitServiceStub, "UpdateStatus"),
    # It is further already, or never had it: a debit by another means than SEPA is in no calendar.
    done=frozenset({TransitionInterdite.reason, Introuvable.reason}),
    libelle="suivi d'un prélèvement au calendrier",
)
REPRISE: Final = Command(
    "reprise",
    DeclencherRepriseRequest,
    send=_call(RepriseServiceStub, "Declencher"),
    # The receipt of the payment is still on its way to commission, as an event.
    not_yet=frozenset({Introuvable.reason}),
    libelle="reprise d'une commission",
)
SUITES: Final = (REGLEMENT, ANNULATION, ISSUE_RETRY, CALENDRIER, REPRISE)


async def register(tx: Transaction, payment: Payment, day: date) -> None:
    """Owe factures the règlement of *payment*, if it pays an invoice of ours (R18)."""
    if not _invoiced(payment):
        return
    request = RegisterPaymentRequest(
        facture_id=payment.facture_id or "",
        payment_id=str(payment.id),
        montant=float(payment.montant),
        date_reception=day.isoformat(),
        moyen=MODES.get(payment.moyen, payment.moyen),
    )
    await _owe(tx, REGLEMENT, request, payment, key=str(payment.id), callee="factures")


async def take_back(tx: Transaction, payment: Payment, montant: Decimal) -> None:
    """Owe factures that *montant* of a payment that was PAID has gone back to the debtor's bank (R19)."""
    await _reverse(tx, payment, montant, f"Rejet bancaire {payment.motif_rejet}", f"retour:{payment.id}")


async def refund(tx: Transaction, payment: Payment, remboursement: Remboursement) -> None:
    """Owe factures that a part of *payment* is paid back (R21)."""
    key = f"remboursement:{remboursement.id}"
    await _reverse(tx, payment, remboursement.montant, f"Remboursement : {remboursement.motif}", key)


async def claw_back(tx: Transaction, payment: Payment, day: date) -> None:
    """Owe commission that a payment which was PAID came back on *day* (R19)."""
    key = f"retour:{payment.id}"
    request = DeclencherRepriseRequest(
        organisation_id=payment.organisation_id,
        type="IMPAYE",
        date_evenement=day.isoformat(),
        payment_id=str(payment.id),
        motif=payment.motif_rejet or "",
        cle_idempotence=key,
    )
    await _owe(tx, REPRISE, request, payment, key=key, callee="commission")


async def claw_back_refund(tx: Transaction, payment: Payment, remboursement: Remboursement) -> None:
    """Owe commission that a part of *payment* is paid back (R21)."""
    key = f"remboursement:{remboursement.id}"
    request = DeclencherRepriseRequest(
        organisation_id=payment.organisation_id,
        type="ANNULATION",
        date_evenement=clock.today().isoformat(),
        payment_id=str(payment.id),
        montant=float(remboursement.montant),
        motif=remboursement.motif,
        cle_idempotence=key,
    )
    await _owe(tx, REPRISE, request, payment, key=key, callee="commission")


async def tell_retry(tx: Transaction, payment: Payment, day: date) -> None:
    """Owe retry the statut that a payment which it asked for has come to (R18)."""
    if not payment.retry_attempt_id:
        return
    request = ReportOutcomeRequest(
        organisation_id=payment.organisation_id,
        payment_id=str(payment.id),
        retry_attempt_id=payment.retry_attempt_id,
        statut=payment.statut,
        motif_rejet=payment.motif_rejet or "",
        date=day.isoformat(),
    )
    # A debit may fail more than once: the version tells its failures apart.
    key = f"{payment.id}:{payment.statut}:{payment.version}"
    await _owe(tx, ISSUE_RETRY, request, payment, key=key, callee="retry")


async def tell_calendar(
    tx: Transaction, payment: Payment, echeance: Echeance, statut: str, day: date
) -> None:
    """Owe calendar the *statut* of the planned debit of *echeance* after an outcome of *payment*."""
    request = UpdatePlannedDebitStatusRequest(
        organisation_id=payment.organisation_id,
        schedule_id=str(echeance.echeancier_id),
        rang=echeance.rang,
        statut=statut,
        date_reelle=day.isoformat(),
    )
    if statut == EXECUTED:
        request.montant_reel = float(payment.montant)
    await queue(
        tx,
        CALENDRIER,
        request,
        key=f"{payment.id}:{statut}",
        about=about_schedule(echeance.echeancier_id),
        organisation_id=payment.organisation_id,
    )


def about_schedule(schedule_id: UUID) -> str:
    """The object of all that the calendar is told of a schedule: no plan overtakes what follows it."""
    return f"calendar:{schedule_id}"


def _invoiced(payment: Payment) -> bool:
    """Whether *payment* has an invoice that factures made: ids of others mean nothing to it (C2)."""
    return parse_uuid(payment.facture_id or "") is not None


async def _reverse(tx: Transaction, payment: Payment, montant: Decimal, motif: str, key: str) -> None:
    if not _invoiced(payment):
        return
    request = ReversePaymentRequest(
        facture_id=payment.facture_id or "",
        payment_id=str(payment.id),
        montant=float(montant),
        motif=motif,
        cle_idempotence=key,
    )
    await _owe(tx, ANNULATION, request, payment, key=key, callee="factures")


async def _owe(
    tx: Transaction, command: Command[Any], request: Any, payment: Payment, *, key: str, callee: str
) -> None:
    await queue(
        tx,
        command,
        request,
        key=key,
        about=f"{callee}:payment:{payment.id}",
        organisation_id=payment.organisation_id,
    )
