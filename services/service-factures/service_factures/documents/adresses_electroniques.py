"""Addresses at which invoices are received, as `scheme:identifier`, where a party told none (R26)."""

from typing import Final

from service_factures.documents.values import FRANCE, Client, Vendeur

_SIREN: Final = "0225"  # of the French directory
_EMAIL: Final = "EM"


def of_siren(siren: str) -> str:
    """The address that every company of the French directory has, "" without a SIREN."""
    return f"{_SIREN}:{siren}" if siren else ""


def of_business(pays: str, siren: str, email: str) -> str:
    """The usual address of a business buyer, "" for one that is missing what it is made of."""
    if pays in FRANCE:
        return of_siren(siren)
    return f"{_EMAIL}:{email}" if email else ""


def of_seller(vendeur: Vendeur) -> str:
    """BT-34."""
    return vendeur.adresse_electronique or of_siren(vendeur.siren)


def of_buyer(client: Client) -> str:
    """BT-49; "" for a person, and for a business that is missing what it is made of."""
    if not client.professionnel:
        return ""
    return client.adresse_electronique or of_business(client.adresse.pays, client.siren, client.email)
