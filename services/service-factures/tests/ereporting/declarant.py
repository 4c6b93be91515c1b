"""A société that reports, in tests: on any day, by calls alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import (
    FactureSettingsServiceStub,
    InvoiceServiceStub,
    TransmissionServiceStub,
)
from db_utils import clock
from service_testing import Mesh
from tests.facturation import Invoices, back, credit, paid, save

Line = tuple[str, str, str, float, float, float]


class Declarant:
    """The callers of one organisation; tokens are those of the day on which a call is made."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self._mesh, self.org = mesh, org

    @contextmanager
    def on(self, day: str, hour: int = 12) -> Iterator[None]:
        """Stand at *hour* of *day* in Paris."""
        year, month, civil = map(int, day.split("-"))
        with clock.frozen_at(datetime(year, month, civil, hour, tzinfo=clock.PARIS).astimezone(UTC)):
            yield

    @property
    def transmissions(self) -> TransmissionServiceStub:
        """What is reported, for a user."""
        return self._mesh.stub(TransmissionServiceStub, organisation=self.org, user="anne")

    @property
    def factures(self) -> InvoiceServiceStub:
        """Invoices, for a user."""
        return self._mesh.stub(InvoiceServiceStub, organisation=self.org)

    @property
    def payments(self) -> InvoiceServiceStub:
        """Invoices, for a service."""
        return self._mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=self.org)

    async def settings(self, **fields: Any) -> None:
        """Save settings; it reports since 2026 unless they say otherwise."""
        told = {"ereporting_depuis": "2026-01-01"} | fields
        await self._mesh.stub(FactureSettingsServiceStub, organisation=self.org).Save(save(**told))

    async def issued(self, **fields: Any) -> pb.Facture:
        """An invoice of 49.90 to a person, unless the fields of Create say otherwise."""
        amount = {} if fields.keys() & {"lignes", "montants"} else {"montant": 49.9}
        return await Invoices(self.factures).issued(**({"traitement": "B2C"} | amount | fields))

    async def pay(
        self, facture: pb.Facture, payment: str = "pay-1", montant: float = 49.9, **told: Any
    ) -> None:
        """Note a payment that came today."""
        day = {"date_reception": clock.today().isoformat()} | told
        await self.payments.RegisterPayment(paid(facture, payment, montant, **day))

    async def take_back(self, facture: pb.Facture, payment: str = "pay-1", **told: Any) -> None:
        """Take a payment back."""
        await self.payments.ReversePayment(back(facture, payment, "retour", **told))

    async def credit(self, facture: pb.Facture, **told: Any) -> pb.Facture:
        """Credit an invoice."""
        return await self.factures.CreateCreditNote(credit(facture, **told))

    async def report(self, periode: str, societe_id: str = "") -> pb.EReporting:
        """The period as it stands."""
        return await self.transmissions.GetEReporting(
            pb.GetEReportingRequest(periode=periode, societe_id=societe_id)
        )

    async def lines(self, periode: str) -> list[Line]:
        """Its lines: nature, day, category, rate, base and VAT."""
        return [
            (one.nature, one.jour, one.categorie, one.taux, one.base_ht, one.montant_tva)
            for one in (await self.report(periode)).lignes
        ]

    async def close(self, periode: str, curseur: str = "", societe_id: str = "") -> pb.EReporting:
        """Close it, by default as it stands."""
        read = curseur or (await self.report(periode, societe_id)).curseur
        return await self.transmissions.CloseEReporting(
            pb.CloseEReportingRequest(periode=periode, curseur=read, societe_id=societe_id)
        )
