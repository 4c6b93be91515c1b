"""A double of payments, as far as contrats calls it: a real server in the mesh.

Tests put into `Autour` what it knows, and read there what it was asked.
"""

import asyncio
from dataclasses import dataclass, field

from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import MandateServiceServicer, PaymentScheduleServiceServicer
from grpc_utils import Context
from grpc_utils.errors import Refusal
from service_kit import Service
from service_testing.doubles import double
from sqlalchemy import MetaData


@dataclass
class Autour:
    """What the double knows and has heard.

    *schedules* and *mandates* are those of contracts. *failures* are raised one by one before
    mandates are listed; while *may_answer* is cleared, the lists wait.
    """

    schedules: dict[str, list[payments_pb2.Schedule]] = field(default_factory=dict)
    updated: list[payments_pb2.UpdateScheduleRequest] = field(default_factory=list)
    mandates: dict[str, payments_pb2.Mandate] = field(default_factory=dict)
    wanted: list[payments_pb2.CreateMandateRequest] = field(default_factory=list)
    failures: list[Refusal] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def service(self) -> Service:
        """The double as a service of a mesh."""
        return Service(
            name="payments",
            port=50063,
            package="tests.autour",
            tables=MetaData(),
            servicers=(lambda app: Mandats(self), lambda app: Echeanciers(self)),  # type: ignore[abstract]  # `double` serves the rest
        )


@double
class Mandats(MandateServiceServicer):
    """Mandates by contract."""

    def __init__(self, around: Autour) -> None:
        self._around = around

    async def List(
        self, request: payments_pb2.ListMandatesRequest, context: Context
    ) -> payments_pb2.ListMandatesResponse:
        """List the mandate of a contract if it has the statut that is asked for."""
        await self._around.may_answer.wait()
        if self._around.failures:
            raise self._around.failures.pop(0)
        mandate = self._around.mandates.get(request.contrat_id)
        found = [mandate] if mandate is not None and mandate.statut == request.statut else []
        return payments_pb2.ListMandatesResponse(mandates=found)

    async def Create(
        self, request: payments_pb2.CreateMandateRequest, context: Context
    ) -> payments_pb2.Mandate:
        """Make the mandate of a contract, or answer the one that it has."""
        self._around.wanted.append(request)
        new = payments_pb2.Mandate(contrat_id=request.contrat_id, statut="EN_ATTENTE")
        return self._around.mandates.setdefault(request.contrat_id, new)


@double
class Echeanciers(PaymentScheduleServiceServicer):
    """Schedules by contract."""

    def __init__(self, around: Autour) -> None:
        self._around = around

    async def List(
        self, request: payments_pb2.ListSchedulesRequest, context: Context
    ) -> payments_pb2.ListSchedulesResponse:
        """List the schedules of a contract."""
        return payments_pb2.ListSchedulesResponse(
            schedules=self._around.schedules.get(request.contrat_id, ())
        )

    async def Update(
        self, request: payments_pb2.UpdateScheduleRequest, context: Context
    ) -> payments_pb2.Schedule:
        """Note the change."""
        self._around.updated.append(request)
        return payments_pb2.Schedule(id=request.id, moyen=request.moyen)
