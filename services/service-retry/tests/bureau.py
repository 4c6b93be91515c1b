"""An office whose debits come back: clients, rejected payments, what is presented again and when."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

import grpc
from crm.events.business_pb2 import PaymentRejectedEvent
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryEngineServiceStub, RetryScheduleServiceStub
from db_utils import uuid7
from db_utils.clock import PARIS, frozen_at
from grpc_utils import timestamp
from service_kit import App
from service_retry.models import RetrySchedule
from service_retry.planification import _is_unplanned, plan_waiting
from service_testing import Mesh, eventually
from sqlalchemy import bindparam, select
from tests.banque import Banque

T = TypeVar("T")
_WAITING = select(RetrySchedule.id).where(RetrySchedule.organisation_id == bindparam("org"), *_is_unplanned)


def at(day: str, hour: int = 9, minute: int = 0) -> datetime:
    """An instant of *day* in Paris."""
    return datetime.combine(date.fromisoformat(day), time(hour, minute), PARIS).astimezone(UTC)


def noon(day: str) -> datetime:
    """The instant by which an event says *day* (C3)."""
    return datetime.combine(date.fromisoformat(day), time(12), UTC)


@dataclass(frozen=True, slots=True)
class Bureau:
    """The office of one organisation."""

    mesh: Mesh
    org: str
    banque: Banque

    @property
    def app(self) -> App[Any]:
        """The application of retry."""
        return self.mesh["retry"].app

    def stub(self, kind: Any) -> Any:
        """A stub called by a member of the office."""
        return self.mesh.stub(kind, organisation=self.org)

    def as_service(self, kind: Any) -> Any:
        """A stub called by another service for the office."""
        return self.mesh.service_stub(kind, caller="contrats", organisation=self.org)

    async def settled(self, facture: factures_pb2.Facture) -> None:
        """Have *facture* paid by a transfer of 10 March."""
        request = factures_pb2.RegisterPaymentRequest(
            facture_id=facture.id,
            payment_id="virement-1",
            montant=facture.solde,
            date_reception="2026-03-10",
            moyen="VIREMENT",
        )
        await self.as_service(InvoiceServiceStub).RegisterPayment(request)

    def payment(self, **fields: Any) -> payments_pb2.Payment:
        """A rejected debit of 49.90 of 5 March, whose client has a mandate."""
        client_id = fields.get("client_id", f"client-{uuid7()}")
        mandate = payments_pb2.Mandate(
            id=str(uuid7()), organisation_id=self.org, client_id=client_id, statut="ACTIF"
        )
        usual = {
            "id": str(uuid7()),
            "organisation_id": self.org,
            "client_id": client_id,
            "mandat_id": mandate.id,
            "schedule_id": "echeancier-1",
            "facture_id": "FAC-1",
            "moyen": "SEPA_DEBIT",
            "montant": 49.90,
            "statut": "REJECTED",
            "motif_rejet": "AM04",
            "date_prelevement": "2026-03-05",
            "echeance_statut": "IMPAYEE",
        }
        payment = payments_pb2.Payment(**(usual | fields))
        self.banque.mandates[mandate.id] = mandate
        self.banque.payments[payment.id] = payment
        return payment

    def event(
        self, payment: payments_pb2.Payment, jour: str, code: str = "AM04", **fields: Any
    ) -> PaymentRejectedEvent:
        """The event that *payment* was rejected on *jour*."""
        usual = {
            "event_id": str(uuid7()),
            "timestamp": timestamp(noon(jour)),
            "payment_id": payment.id,
            "schedule_id": payment.schedule_id,
            "client_id": payment.client_id,
            "motif_rejet": code,
            "date_rejet": timestamp(noon(jour)),
            "organisation_id": payment.organisation_id,
            "societe_id": payment.societe_id,
            "facture_id": payment.facture_id,
            "contrat_id": payment.contrat_id,
            "montant": payment.montant,
        }
        values: dict[str, Any] = usual | fields
        return PaymentRejectedEvent(**values)

    async def reject(
        self,
        payment: payments_pb2.Payment,
        jour: str,
        code: str = "AM04",
        *,
        when: datetime | None = None,
        planned: bool = True,
        **fields: Any,
    ) -> PaymentRejectedEvent:
        """Have *payment* come back on *jour*, announced at 09:00 or *when*; return the event.

        Unless not *planned*, what is to follow has been planned then.
        """
        payment.statut, payment.motif_rejet, payment.date_rejet = "REJECTED", code, jour
        event = self.event(payment, jour, code, **fields)
        with frozen_at(when or at(jour)):
            await self.mesh.deliver(event, timeout=60)
            if planned and not self.banque.silent:
                await eventually(self.is_planned, timeout=60)
        return event

    async def is_planned(self) -> bool:
        """Whether all is planned; what a callee was too slow for is asked again."""
        waiting = await self.mesh.database("retry").read().all(_WAITING, org=self.org)
        if waiting:
            await plan_waiting(self.app)
        return not waiting

    @asynccontextmanager
    async def silence(self) -> AsyncIterator[None]:
        """Payments is away inside; retry begins anew afterwards, with its circuits closed."""
        self.banque.silent = True
        try:
            yield
        finally:
            self.banque.silent = False
            async with self.mesh.without("retry"):
                pass

    async def facture(self, **fields: Any) -> factures_pb2.Facture:
        """An invoice of 49.90 in factures."""
        values: dict[str, Any] = {"client_id": "client-123", "montant": 49.90} | fields
        request = factures_pb2.CreateFactureRequest(**values)
        facture: factures_pb2.Facture = await self.stub(InvoiceServiceStub).Create(request)
        return facture

    async def schedule(self, payment: payments_pb2.Payment) -> pb.RetrySchedule:
        """The schedule of *payment*, with attempts and journal."""
        request = pb.GetRetryScheduleRequest(payment_id=payment.id)
        schedule: pb.RetrySchedule = await self.stub(RetryScheduleServiceStub).Get(request)
        return schedule

    async def process(self, when: datetime, **fields: Any) -> pb.ProcessDueResponse:
        """Ask for a run at *when*, again for what a callee was too slow to answer."""
        answers = list[pb.ProcessDueResponse]()

        async def is_done() -> bool:
            answers.append(await self.once(when, **fields))
            return not answers[-1].echoues

        await eventually(is_done, timeout=60)
        last = answers[-1]
        return last if len(answers) == 1 else _joined(answers)

    async def until(
        self, when: datetime, condition: Callable[[], object], **fields: Any
    ) -> pb.ProcessDueResponse:
        """Ask for runs at *when* until *condition* holds; what the last one came to."""
        answers = list[pb.ProcessDueResponse]()

        async def holds() -> bool:
            answers.append(await self.once(when, **fields))
            return bool(condition())

        await eventually(holds, timeout=60)
        return answers[-1]

    async def lost_call(self, payment: payments_pb2.Payment, when: datetime) -> pb.ProcessDueResponse:
        """Have *payment* presented by a call that works and whose answer is lost."""
        self.banque.lost = 1
        return await self.until(when, lambda: self.banque.debits_of(payment.id))

    async def once(self, when: datetime, **fields: Any) -> pb.ProcessDueResponse:
        """Ask for one run at *when*."""
        with frozen_at(when):
            request = pb.ProcessDueRequest(**fields)
            answer: pb.ProcessDueResponse = await self.stub(RetryEngineServiceStub).ProcessDue(request)
            return answer

    async def submitted(self, payment: payments_pb2.Payment, day: str) -> payments_pb2.Payment:
        """The new payment, once the open attempt of *payment* was presented on the morning of *day*."""
        answer = await self.process(at(day, 10))
        assert "SOUMIS" in {one.resultat for one in answer.resultats}, answer
        return self.banque.debits_of(payment.id)[-1]

    async def report(self, payment: payments_pb2.Payment, statut: str, jour: str, **fields: Any) -> Any:
        """Tell the outcome of *payment* as payments does."""
        stub = self.as_service(RetryEngineServiceStub)
        request = pb.ReportOutcomeRequest(payment_id=payment.id, statut=statut, date=jour, **fields)
        with frozen_at(at(jour)):
            return await patiently(lambda: stub.ReportOutcome(request))


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The answer to *call*, which is made again while something that it needs was too slow to answer."""

    async def answered() -> list[T]:
        try:
            return [await call()]
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return []

    (answer,) = await eventually(answered, timeout=60)
    return answer


def _joined(answers: list[pb.ProcessDueResponse]) -> pb.ProcessDueResponse:
    """What several runs came to together, without what was left by the former ones."""
    done = [one for answer in answers for one in answer.resultats if one.resultat != "ECHOUE"]
    return pb.ProcessDueResponse(
        job_id=answers[-1].job_id,
        statut=answers[-1].statut,
        total=len(done),
        soumis=sum(answer.soumis for answer in answers),
        ignores=sum(answer.ignores for answer in answers),
        resultats=done,
    )


def days_of(schedule: pb.RetrySchedule) -> list[tuple[int, str, str, str]]:
    """Number, day, day of remise and statut of each attempt."""
    return [(one.attempt_number, one.planned_date, one.date_remise, one.statut) for one in schedule.attempts]


def actions_of(schedule: pb.RetrySchedule) -> list[str]:
    """The actions in the journal."""
    return [line.action for line in schedule.journal]
