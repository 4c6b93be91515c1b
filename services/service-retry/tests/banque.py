"""Doubles of payments and of relance, as far as retry calls them: real servers in the mesh.

`Banque` is what payments knows and has heard. It keeps the rules that matter here: a key is answered
with the payment it made first, and a debit is refused as payments refuses it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import (
    MandateServiceServicer,
    PaymentServiceServicer,
    SepaServiceServicer,
)
from crm.relance import relance_pb2
from crm.relance.relance_pb2_grpc import RelanceEngineServiceServicer
from db_utils import uuid7
from grpc_utils import Context
from grpc_utils.errors import (
    CleIdempotenceReutilisee,
    DependanceIndisponible,
    FailedPrecondition,
    Introuvable,
    Refusal,
)
from service_testing.doubles import double


class DejaReglee(FailedPrecondition):
    """Cette échéance est déjà réglée."""


class MandatAbsent(FailedPrecondition):
    """Aucun mandat actif."""


class DateNonEligible(FailedPrecondition):
    """Ce jour n'est pas un jour de prélèvement possible."""


class EcheanceAnnulee(FailedPrecondition):
    """Cette échéance est annulée."""


@dataclass
class Banque:
    """What payments knows and has heard.

    *payments* and *mandates* are by id; *delais* are delai_remise by société. *asked* are the Retry
    calls in order, *refusals* are raised one by one before one works, and *lost* counts calls that work
    and whose answer does not arrive. What is in *while_checked* happens once while mandates are listed, in
    *while_asked* while a debit is made. While *silent*, nothing is answered.
    """

    payments: dict[str, payments_pb2.Payment] = field(default_factory=dict)
    mandates: dict[str, payments_pb2.Mandate] = field(default_factory=dict)
    delais: dict[str, int] = field(default_factory=dict)
    by_key: dict[str, tuple[payments_pb2.RetryPaymentRequest, str]] = field(default_factory=dict)
    asked: list[payments_pb2.RetryPaymentRequest] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    while_checked: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    while_asked: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    lost: int = 0
    silent: bool = False
    unanswered: int = 0
    escalated: list[relance_pb2.ProcessEventRequest] = field(default_factory=list)

    def debits_of(self, payment_id: str) -> list[payments_pb2.Payment]:
        """The new presentations of the payment."""
        return [one for one in self.payments.values() if one.parent_payment_id == payment_id]

    def calls_of(self, payment_id: str) -> list[payments_pb2.RetryPaymentRequest]:
        """The Retry calls about the payment."""
        return [one for one in self.asked if one.payment_id == payment_id]

    def check(self) -> None:
        """Raise DependanceIndisponible while silent."""
        if self.silent:
            self.unanswered += 1
            raise DependanceIndisponible

    def doubles(self) -> dict[str, list[object]]:
        """The servicers by the names of their services."""
        # `double` serves the rest of each contract
        payments = [Payments(self), Mandates(self), Sepa(self)]  # type: ignore[abstract]
        return {"payments": payments, "relance": [Relance(self)]}  # type: ignore[abstract]


@double
class Payments(PaymentServiceServicer):
    """Payments by id, and new ones for rejected debits."""

    def __init__(self, banque: Banque) -> None:
        self._banque = banque

    async def Get(self, request: payments_pb2.GetPaymentRequest, context: Context) -> payments_pb2.Payment:
        """Read a payment."""
        self._banque.check()
        if request.id not in self._banque.payments:
            raise Introuvable
        return self._banque.payments[request.id]

    async def Retry(
        self, request: payments_pb2.RetryPaymentRequest, context: Context
    ) -> payments_pb2.Payment:
        """Present a rejected debit again, once per key."""
        banque = self._banque
        banque.check()
        banque.asked.append(request)
        while banque.while_asked:
            await banque.while_asked.pop()()
        if request.idempotency_key in banque.by_key:
            first, made = banque.by_key[request.idempotency_key]
            if first != request:
                raise CleIdempotenceReutilisee
            return banque.payments[made]
        if banque.refusals:
            raise banque.refusals.pop(0)
        original = banque.payments.get(request.payment_id)
        if original is None:
            raise Introuvable
        payment = payments_pb2.Payment()
        payment.CopyFrom(original)
        payment.id, payment.parent_payment_id = str(uuid7()), original.id
        payment.retry_attempt_id = request.retry_attempt_id
        payment.date_prelevement, payment.statut, payment.motif_rejet = (
            request.date_prelevement,
            "PENDING",
            "",
        )
        banque.payments[payment.id] = payment
        banque.by_key[request.idempotency_key] = (request, payment.id)
        if banque.lost:
            banque.lost -= 1
            raise DependanceIndisponible
        return payment


@double
class Mandates(MandateServiceServicer):
    """Mandates of clients."""

    def __init__(self, banque: Banque) -> None:
        self._banque = banque

    async def List(
        self, request: payments_pb2.ListMandatesRequest, context: Context
    ) -> payments_pb2.ListMandatesResponse:
        """List the mandates of a client that have the statut that is asked for."""
        self._banque.check()
        while self._banque.while_checked:
            await self._banque.while_checked.pop()()
        found = [
            one
            for one in self._banque.mandates.values()
            if request.id in ("", one.id)
            and request.client_id in ("", one.client_id)
            and one.statut == request.statut
        ]
        return payments_pb2.ListMandatesResponse(mandates=found)


@double
class Sepa(SepaServiceServicer):
    """Settings of creditors by société."""

    def __init__(self, banque: Banque) -> None:
        self._banque = banque

    async def GetCreancier(
        self, request: payments_pb2.GetCreancierRequest, context: Context
    ) -> payments_pb2.Creancier:
        """Read the settings of a société that has some."""
        self._banque.check()
        if request.societe_id not in self._banque.delais:
            raise Introuvable
        return payments_pb2.Creancier(
            societe_id=request.societe_id,
            delai_remise_jours_ouvres=self._banque.delais[request.societe_id],
        )


@double
class Relance(RelanceEngineServiceServicer):
    """Takes note of invoices that are given up."""

    def __init__(self, banque: Banque) -> None:
        self._banque = banque

    async def ProcessEvent(
        self, request: relance_pb2.ProcessEventRequest, context: Context
    ) -> relance_pb2.ProcessEventResponse:
        """Take note."""
        self._banque.escalated.append(request)
        return relance_pb2.ProcessEventResponse()
