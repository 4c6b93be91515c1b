"""Addresses at which invoices are received, as `scheme:identifier` (R26)."""

from typing import Final

from service_factures.documents.values import FRANCE, Client, Vendeur

_SIREN: Final = "0225"  # of the French directory
_EMAIL: Final = "EM"


def of_seller(vendeur: Vendeur) -> str:
    """BT-34."""
    return vendeur.adresse_electronique or f"{_SIREN}:{vendeur.siren}"


def of_buyer(client: Client) -> str:
    """BT-49; "" for a person, and for a business that is missing what it is made of."""
    if not client.professionnel:
        return ""
    if client.adresse_electronique:
        return client.adresse_electronique
    if client.adresse.pays in FRANCE:
        return f"{_SIREN}:{client.siren}" if client.siren else ""
    return f"{_EMAIL}:{client.email}" if client.email else ""
