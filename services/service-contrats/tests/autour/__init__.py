"""Doubles of commerciaux and payments, as far as contrats calls them: real servers in the mesh.

Tests put into `Autour` what the doubles know, and read there what they were asked.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from crm.commerciaux import commerciaux_pb2
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceServicer
from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import MandateServiceServicer, PaymentScheduleServiceServicer
from grpc_utils import Context
from grpc_utils.errors import Introuvable, Refusal
from service_kit import Service
from service_testing.doubles import double
from sqlalchemy import MetaData


@dataclass
class Autour:
    """What the doubles know and have heard.

    *utilisateurs* are users by apporteur; *schedules* and *mandates* are those of contracts.
    *failures* are raised by payments, one by one, before it answers; while *may_answer* is cleared
    its mandates wait.
    """

    utilisateurs: dict[str, str] = field(default_factory=dict)
    schedules: dict[str, list[payments_pb2.Schedule]] = field(default_factory=dict)
    updated: list[payments_pb2.UpdateScheduleRequest] = field(default_factory=list)
    mandates: dict[str, payments_pb2.Mandate] = field(default_factory=dict)
    wanted: list[payments_pb2.CreateMandateRequest] = field(default_factory=list)
    failures: list[Refusal] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def services(self) -> tuple[Service, ...]:
        """The doubles as services of a mesh."""
        return (
            _service("commerciaux", 50053, Apporteurs, around=self),
            _service("payments", 50063, Mandats, Echeanciers, around=self),
        )


def _service(name: str, port: int, *kinds: Any, around: Autour) -> Service:
    servicers = tuple(lambda app, kind=kind: kind(around) for kind in kinds)
    return Service(name=name, port=port, package="tests.autour", tables=MetaData(), servicers=servicers)


@double
class Apporteurs(ApporteurServiceServicer):
    """Apporteurs by id."""

    def __init__(self, around: Autour) -> None:
        self._around = around

    async def Get(
        self, request: commerciaux_pb2.GetApporteurRequest, context: Context
    ) -> commerciaux_pb2.Apporteur:
        """Read an apporteur."""
        if request.id not in self._around.utilisateurs:
            raise Introuvable
        return commerciaux_pb2.Apporteur(id=request.id, utilisateur_id=self._around.utilisateurs[request.id])


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
