"""Doubles of products, commerciaux and payments, as far as contrats calls them: real servers in the mesh.

Tests put into `Autour` what the doubles know, and read there what they were asked.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from crm.commerciaux import commerciaux_pb2
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceServicer
from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import MandateServiceServicer, PaymentScheduleServiceServicer
from crm.products import products_pb2
from crm.products.products_pb2_grpc import CatalogServiceServicer, ProduitServiceServicer
from db_utils import context
from grpc_utils import Context
from grpc_utils.errors import FailedPrecondition, Introuvable, Refusal
from service_kit import Service
from service_testing.doubles import double
from sqlalchemy import MetaData


class ProduitNonVendable(FailedPrecondition):
    """Ce produit n'est pas en vente."""


@dataclass(frozen=True, slots=True)
class Article:
    """A product: its price with taxes (None: not for sale), its rate, why there is none, whose it is."""

    organisation_id: str
    ttc: float | None = 49.90
    taux_tva: float = 20.0
    motif_exoneration: str = ""


@dataclass
class Autour:
    """What the doubles know and have heard.

    *utilisateurs* are users by apporteur; *schedules* and *mandates* are those of contracts.
    *failures* are raised by payments, one by one, before it answers; while *may_answer* is cleared
    its mandates wait.
    """

    articles: dict[str, Article] = field(default_factory=dict)
    priced: list[products_pb2.CalculatePriceRequest] = field(default_factory=list)
    utilisateurs: dict[str, str] = field(default_factory=dict)
    schedules: dict[str, list[payments_pb2.Schedule]] = field(default_factory=dict)
    updated: list[payments_pb2.UpdateScheduleRequest] = field(default_factory=list)
    mandates: dict[str, payments_pb2.Mandate] = field(default_factory=dict)
    wanted: list[payments_pb2.CreateMandateRequest] = field(default_factory=list)
    failures: list[Refusal] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def article(self, produit_id: str) -> Article:
        """The product in the organisation of the call. Raises Introuvable."""
        article = self.articles.get(produit_id)
        if article is None or article.organisation_id != context.scope.get().organisation_id:
            raise Introuvable
        return article

    def services(self) -> tuple[Service, ...]:
        """The doubles as services of a mesh."""
        return (
            _service("products", 50064, Produits, Catalogue, around=self),
            _service("commerciaux", 50053, Apporteurs, around=self),
            _service("payments", 50063, Mandats, Echeanciers, around=self),
        )


def _service(name: str, port: int, *kinds: Any, around: Autour) -> Service:
    servicers = tuple(lambda app, kind=kind: kind(around) for kind in kinds)
    return Service(name=name, port=port, package="tests.autour", tables=MetaData(), servicers=servicers)


@double
class Produits(ProduitServiceServicer):
    """Products by id."""

    def __init__(self, around: Autour) -> None:
        self._around = around

    async def Get(self, request: products_pb2.GetProduitRequest, context: Context) -> products_pb2.Produit:
        """Read a product."""
        article = self._around.article(request.id)
        return products_pb2.Produit(
            id=request.id, taux_tva=article.taux_tva, motif_exoneration=article.motif_exoneration
        )


@double
class Catalogue(CatalogServiceServicer):
    """Prices, the same for each piece and day."""

    def __init__(self, around: Autour) -> None:
        self._around = around

    async def CalculatePrice(
        self, request: products_pb2.CalculatePriceRequest, context: Context
    ) -> products_pb2.CalculatePriceResponse:
        """Note the request and price it; the price of an article is that of the whole quantity."""
        self._around.priced.append(request)
        article = self._around.article(request.produit_id)
        if article.ttc is None:
            raise ProduitNonVendable
        return products_pb2.CalculatePriceResponse(
            prix_total_ttc=article.ttc,
            taux_tva=article.taux_tva,
            motif_exoneration=article.motif_exoneration,
        )


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
