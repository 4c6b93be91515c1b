"""Sentences that the law wants on a document, by who buys (R13, R14)."""

import re
from decimal import Decimal
from typing import Final

from pdf_utils import NO_BREAK, day, figure

from service_factures.documents.values import AVOIR, Document, Vendeur

NO_DISCOUNT: Final = "Pas d'escompte pour paiement anticipé"
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")
_ON_DEBITS: Final = "Option pour le paiement de la taxe d'après les débits"
_OPERATIONS: Final = {
    "BIENS": "Livraison de biens",
    "SERVICES": "Prestation de services",
    "MIXTE": "Livraison de biens et prestation de services (opération mixte)",
}
MEANS: Final = {
    "VIREMENT": "Virement",
    "PRELEVEMENT_SEPA": "Prélèvement SEPA",
    "CARTE": "Carte bancaire",
    "CHEQUE": "Chèque",
    "ESPECES": "Espèces",
}


def company(vendeur: Vendeur) -> list[str]:
    """Legal form with capital, and register, of the seller: those that are known."""
    capital = f"au capital de {_capital(vendeur.capital)}" if vendeur.capital else ""
    form = " ".join(filter(None, (vendeur.forme_juridique, capital)))
    register = f"RCS {vendeur.rcs.removeprefix('RCS ')}" if vendeur.rcs else ""
    return [text for text in (form, register) if text]


def _capital(text: str) -> str:
    return _euros(Decimal(text)) if _NUMBER.fullmatch(text) else text


def _euros(value: Decimal) -> str:
    """*value* without the decimals of a whole number: 40 €."""
    return f"{figure(value, 2 if value % 1 else 0)}{NO_BREAK}€"


def operation(document: Document) -> str:
    """The category of what was sold."""
    return _OPERATIONS[document.nature_operation]


def discount(document: Document) -> str:
    """What is given to who pays early."""
    return document.escompte or NO_DISCOUNT


def late_payment(document: Document) -> str:
    """The rate of penalties, "" for a person."""
    if not document.client.professionnel:
        return ""
    rate = f"{figure(document.taux_penalites, 2)}{NO_BREAK}%"
    article = "art. L441-10 du code de commerce"
    return f"En cas de retard de paiement, pénalités au taux annuel de {rate} ({article})"


def recovery(document: Document) -> str:
    """The lump sum for the costs of recovery, "" for a person."""
    if not document.client.professionnel:
        return ""
    shown = _euros(document.indemnite_recouvrement)
    return f"Indemnité forfaitaire pour frais de recouvrement : {shown} (art. D441-5 du code de commerce)"


def correction(document: Document) -> str:
    """Which invoice an avoir is about, "" for an invoice."""
    if document.type != AVOIR or document.origine is None:
        return ""
    return f"Avoir sur facture {document.origine.numero} du {day(document.origine.date_emission)}"


def legal(document: Document) -> list[str]:
    """All sentences below the totals, in their order; nobody is late with an avoir, which owes nothing."""
    exoneration = document.exoneration.texte if document.exoneration else ""
    late = () if document.type == AVOIR else (late_payment(document), recovery(document))
    return [
        text
        for text in (
            exoneration,
            _ON_DEBITS if document.option_debits else "",
            discount(document),
            *late,
        )
        if text
    ]


def payment(document: Document) -> list[str]:
    """How and when to pay, one line each; nothing on an avoir, which nobody pays."""
    paiement = document.paiement
    if paiement is None or document.type == AVOIR:
        return []
    lines = [f"Mode de paiement : {MEANS[paiement.mode]}"]
    if paiement.mode == "PRELEVEMENT_SEPA":
        if document.date_echeance:
            lines.append(f"Prélèvement le {day(document.date_echeance)}")
        lines += [f"RUM : {paiement.rum}"] * bool(paiement.rum)
        lines += [f"ICS : {paiement.ics}"] * bool(paiement.ics)
    if paiement.mode == "VIREMENT":
        lines += [f"IBAN : {in_fours(paiement.iban)}"] * bool(paiement.iban)
        lines += [f"BIC : {paiement.bic}"] * bool(paiement.bic)
    return lines


def in_fours(iban: str) -> str:
    """An IBAN as it is printed: in groups of four."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
