"""The parties of a document from the snapshots that were frozen when it was issued (R10)."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from service_factures.documents.values import Adresse, Client, Paiement, Vendeur

_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")


def seller_of(snapshot: Mapping[str, Any], logo: bytes | None = None) -> Vendeur:
    """The seller; the first colour of *couleurs* is that of the headings."""
    known = _known(Vendeur, snapshot)
    colour = _COLOUR.search(snapshot.get("couleurs") or "")
    if colour:
        known["couleur"] = colour.group()
    return Vendeur(**known, logo=logo)


def buyer_of(snapshot: Mapping[str, Any]) -> Client:
    """The buyer."""
    return Client(**_known(Client, snapshot))


def payment_of(mode: str, seller: Mapping[str, Any], rum: str = "", ics: str = "") -> Paiement:
    """How to pay: the bank of the snapshot of the *seller*, or the mandate (R33)."""
    known: dict[str, Any] = {"mode": mode, "rum": rum, "ics": ics}
    return Paiement(**known, iban=seller.get("iban") or "", bic=seller.get("bic") or "")


def address_of(snapshot: Mapping[str, Any]) -> Adresse:
    """A postal address; one without a country is in France."""
    known = {name: text for name, text in _known(Adresse, snapshot).items() if text}
    return Adresse(**known)


def _known(kind: type[Vendeur | Client | Adresse], snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of *kind* in *snapshot*, which holds more: the mentions of the seller, its bank."""
    known = {field.name: snapshot[field.name] for field in fields(kind) if field.name in snapshot}
    if "adresse" in known:
        known["adresse"] = address_of(known["adresse"])
    return known
