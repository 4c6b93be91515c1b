"""Payments that are with the bank, and the import of what the bank says of them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import Scope, uuid7, within
from nats_utils import event_type
from nats_utils.tables import OutboxRow
from service_kit.outgoing import CommandeSortante
from service_payments import emission_rules
from service_payments.models import Echeance, Echeancier, Payment, PaymentTransition
from service_payments.sepa_models import Mandat, Remise
from service_testing import Mesh
from sqlalchemy import select
from tests.bank_files import camt, detail, entry

DUE = date(2026, 3, 5)
E = TypeVar("E", PaymentReceivedEvent, PaymentRejectedEvent)


class Encaissements:
    """Rows of organisation *org*, and the import of reports about them."""

    def __init__(self, mesh: Mesh, org: str, sepa: SepaServiceStub) -> None:
        self._database, self._org, self._sepa = mesh.database("payments"), org, sepa

    async def add(self, *rows: Any) -> None:
        """Store *rows* in their order."""
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                for row in rows:
                    await tx.insert(row)
                    await tx.flush()

    async def remise(self, msg_id: str = "", **fields: Any) -> Remise:
        """A file that the bank has."""
        told: dict[str, Any] = {
            "msg_id": msg_id or f"R20260303{uuid7().hex[-8:]}",
            "schema": "CORE",
            "date_remise": date(2026, 3, 3),
            "nb": 1,
            "total": Decimal("10.00"),
            "sha256": "0" * 64,
        }
        row = Remise(organisation_id=self._org, **told | fields)
        await self.add(row)
        return row

    def payment(self, montant: str = "10.00", **fields: Any) -> Payment:
        """A debit of 10.00 on 5 March 2026 that is SUBMITTED, not stored yet."""
        payment_id = uuid7()
        told: dict[str, Any] = {
            "id": payment_id,
            "organisation_id": self._org,
            "societe_id": "soc-1",
            "client_id": "client-123",
            "moyen": "SEPA_DEBIT",
            "montant": Decimal(montant),
            "statut": "SUBMITTED",
            "date_prelevement": DUE,
            "end_to_end_id": emission_rules.end_to_end_id(payment_id),
            "cle_idempotence": f"test:{payment_id}",
        }
        return Payment(**told | fields)

    async def submitted(self, montant: str = "10.00", **fields: Any) -> Payment:
        """A stored debit that is SUBMITTED, but for what *fields* say."""
        row = self.payment(montant, **fields)
        await self.add(row)
        return row

    async def lot(self, *montants: str, **fields: Any) -> tuple[Remise, list[Payment]]:
        """Debits of one batch of a file."""
        remise = await self.remise()
        name = fields.pop("pmt_inf_id", f"{remise.msg_id}-001")
        rows = [self.payment(montant, remise_id=remise.id, pmt_inf_id=name, **fields) for montant in montants]
        await self.add(*rows)
        return remise, rows

    async def mandat(self, **fields: Any) -> Mandat:
        """An ACTIF mandate."""
        told: dict[str, Any] = {
            "societe_id": "soc-1",
            "client_id": f"client-{uuid7().hex[-8:]}",
            "rum": f"RUM{uuid7().hex[-12:]}",
            "statut": "ACTIF",
            "date_signature": date(2026, 1, 12),
        }
        row = Mandat(organisation_id=self._org, **told | fields)
        await self.add(row)
        return row

    async def echeance(self, rang: int = 1, facture: str = "", **fields: Any) -> Echeance:
        """An échéance that is with the bank, of an ACTIVE schedule of its own."""
        told: dict[str, Any] = {
            "societe_id": "soc-1",
            "client_id": "client-123",
            "frequence": "UNIQUE",
            "date_debut": date(2026, 1, 26),
            "montant_total": Decimal("10.00"),
            "moyen": "SEPA_DEBIT",
            "statut": "ACTIVE",
        }
        schedule = Echeancier(organisation_id=self._org, **told | fields)
        row = Echeance(
            organisation_id=self._org,
            echeancier_id=schedule.id,
            rang=rang,
            montant=Decimal("10.00"),
            mois_cible="2026-03",
            statut="EN_COURS",
            facture_id=facture or None,
        )
        await self.add(schedule, row)
        return row

    async def report(self, content: bytes) -> pb.ImportReportResponse:
        """Import *content*."""
        return await self._sepa.ImportReport(pb.ImportReportRequest(content=content, file_name="banque.xml"))

    async def read(self, row: Any) -> Any:
        """The row as it is now."""
        with within(Scope(self._org)):
            return await self._database.read().get(type(row), row.id)

    async def schedule(self, echeance: Echeance) -> Any:
        """The schedule of an échéance as it is now."""
        with within(Scope(self._org)):
            return await self._database.read().get(Echeancier, echeance.echeancier_id)

    async def set(self, row: Any, **columns: Any) -> None:
        """Change *row* behind the back of the service."""
        with within(Scope(self._org)):
            async with self._database.transaction() as tx:
                await tx.update(row, **columns)

    async def statut(self, row: Any) -> str:
        """Its statut now."""
        return str((await self.read(row)).statut)

    async def way(self, payment: Payment) -> list[str]:
        """The statuts that a payment has come to, in their order."""
        statement = (
            select(PaymentTransition.vers)
            .where(PaymentTransition.payment_id == payment.id)
            .order_by(PaymentTransition.id)
        )
        with within(Scope(self._org)):
            return list(await self._database.read().all(statement))

    def credit(self, *payments: Payment) -> bytes:
        """A statement that credits *payments* one by one on their day."""
        entries = [
            entry(str(one.montant), "CRDT", detail(one.end_to_end_id), day="2026-03-05") for one in payments
        ]
        return camt(*entries)

    async def events(self, kind: type[E], payment_id: str) -> list[E]:
        """What is recorded to be told of a payment."""
        recorded = select(OutboxRow).where(OutboxRow.subject == event_type(kind).subject)
        rows = await self._database.read().all(recorded)
        told = [kind.FromString(row.payload) for row in rows]
        return [event for event in told if event.payment_id == payment_id]

    async def owed(self, *about: UUID) -> Sequence[tuple[str, str]]:
        """Type and key of the commands, those about *about* only when some are named."""
        with within(Scope(self._org)):
            rows = await self._database.read().all(select(CommandeSortante).order_by(CommandeSortante.id))
        return [
            (row.type, row.cle) for row in rows if not about or any(str(one) in row.objet for one in about)
        ]

    async def alerts(self) -> list[str]:
        """The keys of what finance is told."""
        return [key for kind, key in await self.owed() if kind == "notification"]
