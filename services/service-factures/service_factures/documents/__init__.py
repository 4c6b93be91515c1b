"""The document of an invoice: values in, PDF/A-3 with Factur-X and its XML out; no database, no clock.

Importing this package imports neither factur-x, lxml, fpdf2 nor Pillow: the first document does.
"""

from service_factures.documents.adresses_electroniques import of_buyer, of_seller
from service_factures.documents.exonerations import MENTIONS, MentionLegale
from service_factures.documents.logos import LogoInvalide, converted_logo
from service_factures.documents.rendering import UnreadableDocument, file_name, render
from service_factures.documents.snapshots import address_of, buyer_of, payment_of, seller_of
from service_factures.documents.unites import described, unit_code
from service_factures.documents.values import (
    Adresse,
    Client,
    Document,
    Exoneration,
    Ligne,
    Origine,
    Paiement,
    Rendered,
    Tva,
    Vendeur,
)

__all__ = [
    "MENTIONS",
    "Adresse",
    "Client",
    "Document",
    "Exoneration",
    "Ligne",
    "LogoInvalide",
    "MentionLegale",
    "Origine",
    "Paiement",
    "Rendered",
    "Tva",
    "UnreadableDocument",
    "Vendeur",
    "address_of",
    "buyer_of",
    "converted_logo",
    "described",
    "file_name",
    "of_buyer",
    "of_seller",
    "payment_of",
    "render",
    "seller_of",
    "unit_code",
]
