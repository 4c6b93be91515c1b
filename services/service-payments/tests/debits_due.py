"""Creditors, mandates and debits of one organisation that wait for their emission."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, SepaServiceStub
from db_utils import Scope, uuid7, within
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_utils.errors import Unavailable
from lxml import etree
from service_kit import App
from service_kit.outgoing import CommandeSortante
from service_payments import emission, emission_rules, pain008
from service_payments.models import Echeance, Echeancier, Payment, PaymentTransition
from service_payments.transitions import transition
from service_testing import Mesh, eventually
from sqlalchemy import select
from tests.sample_debits import IBAN, OUR_IBAN

_PATIENCE = 60  # seconds; longer than a circuit stays open
RUN = datetime(2026, 2, 3, 5, tzinfo=UTC)  # 06:00 in Paris
CREANCIER: dict[str, Any] = {
    "nom": "Société Élan",
    "ics": "FR72ZZZ123456",
    "iban": OUR_IBAN,
    "bic": "AGRIFRPP",
}
SIGNED: dict[str, Any] = {"iban": IBAN, "titulaire": "Hélène Dupont", "date_signature": "2026-01-12"}


def texts(content: bytes, path: str) -> list[str]:
    """The texts at *path* in a file for the bank, whose names have the prefix p."""
    root: Any = etree.fromstring(content)
    return [element.text for element in root.iterfind(path, {"p": pain008.NAMESPACE})]


async def content_of(sepa: SepaServiceStub, remise: pb.Remise) -> bytes:
    """The bytes of a remise."""
    return (await sepa.DownloadRemise(pb.DownloadRemiseRequest(id=remise.id))).content


async def _once_answered(call: Callable[[], Awaitable[pb.EmitDueResponse]]) -> pb.EmitDueResponse:
    answered: list[pb.EmitDueResponse] = []

    async def done() -> bool:
        try:
            answered.append(await call())
        except Unavailable:
            pass
        except AioRpcError as error:
            if error.code() != StatusCode.UNAVAILABLE:
                raise
        return bool(answered)

    await eventually(done, timeout=_PATIENCE)
    return answered[0]


class Debits:
    """What the debits of organisation *org* need, in société soc-1 unless another is said."""

    def __init__(
        self,
        mesh: Mesh,
        org: str,
        sepa: SepaServiceStub,
        mandats: MandateServiceStub,
        factures: InvoiceServiceStub,
    ) -> None:
        self._database = mesh.database("payments")
        self._app: App[Any] = mesh["payments"].app
        self._told = mesh.service_stub(InvoiceServiceStub, caller="payments", organisation=org)
        self._org, self._sepa, self._mandats, self._factures = org, sepa, mandats, factures

    async def creancier(self, **fields: Any) -> pb.Creancier:
        """Save the creditor."""
        return await self._sepa.SaveCreancier(
            pb.SaveCreancierRequest(**{"societe_id": "soc-1"} | CREANCIER | fields)
        )

    async def mandat(self, client_id: str = "client-123", **fields: Any) -> pb.Mandate:
        """Make an ACTIF mandate of a client."""
        told = {"client_id": client_id, "societe_id": "soc-1"} | SIGNED | fields
        return await self._mandats.Create(pb.CreateMandateRequest(**told))

    async def read_mandat(self, mandat: pb.Mandate) -> pb.Mandate:
        """The mandate as it is now."""
        (found,) = (await self._mandats.List(pb.ListMandatesRequest(id=mandat.id))).mandates
        return found

    async def emit(self, **fields: Any) -> pb.EmitDueResponse:
        """Do a run of soc-1; on a busy machine the calendar may answer too late, then it is done again."""
        request = pb.EmitDueRequest(**{"societe_id": "soc-1"} | fields)
        return await _once_answered(lambda: self._sepa.EmitDue(request, timeout=_PATIENCE))

    async def emit_of(self, day: date) -> pb.EmitDueResponse:
        """Do the run of soc-1 that its job does on *day*."""

        async def run() -> pb.EmitDueResponse:
            with within(Scope(self._org)):
                return emission.answer(await emission.run(self._app, self._org, "soc-1", day))

        return await _once_answered(run)

    async def facture(self, montant: float = 49.90) -> factures_pb2.Facture:
        """Issue an invoice."""
        request = factures_pb2.CreateFactureRequest(
            client_id="client-123", societe_id="soc-1", montant=montant
        )
        return await self._factures.Create(request)

    async def paid(self, facture: factures_pb2.Facture, montant: float) -> None:
        """Note a payment of the invoice that did not come by a debit."""
        await self._told.RegisterPayment(
            factures_pb2.RegisterPaymentRequest(
                facture_id=facture.id,
                payment_id=f"autre-{facture.id}",
                montant=montant,
                date_reception="2026-02-01",
            )
        )

    async def echeance(self, **fields: Any) -> Echeance:
        """An invoiced échéance of an ACTIVE schedule."""
        plan = Echeancier(
            organisation_id=self._org,
            societe_id="soc-1",
            client_id="client-123",
            frequence="MENSUELLE",
            date_debut=date(2026, 1, 26),
            moyen="SEPA_DEBIT",
            nombre_echeances=1,
            statut=fields.pop("schedule_statut", "ACTIVE"),
        )
        line: dict[str, Any] = {
            "rang": 1,
            "montant": Decimal("49.90"),
            "statut": "FACTUREE",
            "mois_cible": "2026-02",
        } | fields
        echeance = Echeance(organisation_id=self._org, echeancier_id=plan.id, **line)
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                await tx.insert(plan)
                await tx.insert(echeance)
        return echeance

    async def payment(self, **fields: Any) -> Payment:
        """A debit of 49.90 on 5 February 2026 that is PENDING."""
        return (await self.payments(1, **fields))[0]

    async def payments(self, number: int, **fields: Any) -> Sequence[Payment]:
        """So many of them."""
        rows = [self._row(**fields) for _ in range(number)]
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                for row in rows:
                    await tx.insert(row)
        return rows

    async def read(self, row: Payment | Echeance) -> Any:
        """The row as it is now."""
        with within(Scope(self._org)):
            return await self._database.read().get(type(row), row.id)

    async def schedule(self, echeance: Echeance) -> Any:
        """The schedule of an échéance as it is now."""
        with within(Scope(self._org)):
            return await self._database.read().get(Echeancier, echeance.echeancier_id)

    async def causes(self, payment: Payment) -> list[str]:
        """The causes of the transitions of a payment, the oldest first."""
        of = select(PaymentTransition.cause).where(PaymentTransition.payment_id == payment.id)
        with within(Scope(self._org)):
            return list(await self._database.read().all(of.order_by(PaymentTransition.at)))

    async def fail(self, payment: Payment) -> None:
        """Note that the bank refused the file of a payment."""
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                row = await tx.get(Payment, payment.id, lock=True)
                assert row is not None
                await transition(tx, row, "FAILED", cause="TEST")

    async def stored(self, model: Any, row_id: str) -> Any:
        """The row of *model* with this id."""
        with within(Scope(self._org)):
            return await self._database.read().get(model, row_id)

    async def set(self, row: Any, **columns: Any) -> None:
        """Change a row behind the back of the service."""
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                await tx.update(row, **columns)

    async def owed(self) -> list[CommandeSortante]:
        """The calls to other services that are owed, alerts among them."""
        with within(Scope(self._org)):
            return list(await self._database.read().all(select(CommandeSortante)))

    def _row(self, **fields: Any) -> Payment:
        payment_id = uuid7()
        told: dict[str, Any] = {
            "id": payment_id,
            "organisation_id": self._org,
            "societe_id": "soc-1",
            "client_id": "client-123",
            "moyen": "SEPA_DEBIT",
            "montant": Decimal("49.90"),
            "date_prelevement": date(2026, 2, 5),
            "end_to_end_id": emission_rules.end_to_end_id(payment_id),
            "cle_idempotence": f"test:{payment_id}",
        }
        return Payment(**told | fields)
