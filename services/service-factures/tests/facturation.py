"""Invoices of the tests, made by calls alone."""

from datetime import UTC, datetime
from typing import Any

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from service_factures.settings import FacturesSettings
from service_kit import App
from service_testing import Mesh

NOON = datetime(2026, 1, 22, 11, 0, tzinfo=UTC)  # in Paris
R3: list[dict[str, Any]] = [
    *[{"description": "Conseil", "quantite": 1, "prix_unitaire": 9.97, "taux_tva": 20}] * 3,
    {"description": "Livre", "quantite": 2, "prix_unitaire": 12.35, "taux_tva": 5.5},
    {"description": "Repas", "quantite": 1, "prix_unitaire": 45.50, "taux_tva": 10},
]
"""The worked invoice of R3: HT 100.11, VAT 11.89, TTC 112.00."""

SAVED: dict[str, Any] = {
    "company_name": "Atelier Élan",
    "company_address": "3 rue des Œillets",
    "siren": "552 100 554",
    "siret": "55210055400013",
    "tva_intracom": "FR96552100554",
    "iban": "FR14 2004 1010 0505 0001 3M02 606",
    "bic": "BNPAFRPP",
    "capital": 10000,
    "couleurs": "#1A2B3C, #FFFFFF",
    "email": "Factures@Exemple.FR",
}


def save(**fields: Any) -> pb.SaveFactureSettingsRequest:
    """A request to save."""
    return pb.SaveFactureSettingsRequest(**fields)


def paid(facture: pb.Facture, payment: str, montant: float, **fields: Any) -> pb.RegisterPaymentRequest:
    """A request to note a payment."""
    told = {"date_reception": "2026-01-05"} | fields
    return pb.RegisterPaymentRequest(facture_id=facture.id, payment_id=payment, montant=montant, **told)


def back(facture: pb.Facture, payment: str, key: str, **fields: Any) -> pb.ReversePaymentRequest:
    """A request to take a payment back."""
    told = {"motif": "rejet"} | fields
    return pb.ReversePaymentRequest(facture_id=facture.id, payment_id=payment, cle_idempotence=key, **told)


def credit(facture: pb.Facture, **fields: Any) -> pb.CreateCreditNoteRequest:
    """A request for an avoir."""
    return pb.CreateCreditNoteRequest(id=facture.id, **({"motif": "retour"} | fields))


def app_of(mesh: Mesh) -> App[FacturesSettings]:
    """The factures service of *mesh*, for its jobs."""
    app: App[Any] = mesh["factures"].app
    return app


class Invoices:
    """Maker of invoices of one organisation; fields are those of Create."""

    def __init__(self, factures: InvoiceServiceStub) -> None:
        self._factures = factures

    async def issued(self, **fields: Any) -> pb.Facture:
        """An invoice of client-123, by default of 1000 € at 20 %."""
        amount = {} if fields.keys() & {"lignes", "montants", "montant"} else {"montant": 1000.0}
        return await self._factures.Create(
            pb.CreateFactureRequest(**({"client_id": "client-123"} | amount | fields))
        )

    async def draft(self, **fields: Any) -> pb.Facture:
        """The same as a draft."""
        return await self.issued(**({"brouillon": True} | fields))

    async def read(self, facture_id: str) -> pb.Facture:
        """The invoice as it is now."""
        return await self._factures.Get(pb.GetFactureRequest(id=facture_id))
