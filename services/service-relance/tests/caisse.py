"""A double of payments, as far as relance calls it: a real server in the mesh.

Tests put into `Encaissements` what it knows.
"""

from dataclasses import dataclass, field

from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import PaymentServiceServicer
from grpc_utils import Context
from grpc_utils.errors import Introuvable, LimiteAtteinte
from service_testing.doubles import double


@dataclass
class Encaissements:
    """What the double knows: payments by id, and ids of invoices about which it cannot tell."""

    payments: dict[str, payments_pb2.Payment] = field(default_factory=dict)
    silent_about: set[str] = field(default_factory=set)

    def debit(self, facture_id: str, statut: str = "SUBMITTED", moyen: str = "SEPA_DEBIT") -> str:
        """Id of a new payment of the invoice."""
        payment_id = f"payment-{len(self.payments) + 1}"
        self.payments[payment_id] = payments_pb2.Payment(
            id=payment_id, facture_id=facture_id, statut=statut, moyen=moyen
        )
        return payment_id


@double
class Paiements(PaymentServiceServicer):
    """Payments by id and by invoice."""

    def __init__(self, around: Encaissements) -> None:
        self._around = around

    async def Get(self, request: payments_pb2.GetPaymentRequest, context: Context) -> payments_pb2.Payment:
        """Answer the payment."""
        if request.id not in self._around.payments:
            raise Introuvable
        return self._around.payments[request.id]

    async def List(
        self, request: payments_pb2.ListPaymentsRequest, context: Context
    ) -> payments_pb2.ListPaymentsResponse:
        """List the payments of an invoice that have one of the statuts and the moyen."""
        if request.facture_id in self._around.silent_about:
            raise LimiteAtteinte  # any refusal will do; Unavailable would open the circuit for other tests
        return payments_pb2.ListPaymentsResponse(
            payments=[
                one
                for one in self._around.payments.values()
                if one.facture_id == request.facture_id
                and one.statut in request.statut
                and one.moyen == request.moyen
            ]
        )
