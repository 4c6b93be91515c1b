"""What services say about the same euros, compared: pure functions on what was read.

The payments service decides what was received; the others are compared with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Paiement:
    """A payment; *net* is what is left of it: nothing once it came back, was refunded or never came.

    *collecte* is what was collected of it, whether we have refunded it since or not.
    """

    id: str
    facture_id: str
    schedule_id: str
    montant: Decimal
    net: Decimal
    collecte: Decimal


@dataclass(frozen=True, slots=True)
class Facture:
    """What factures says was paid on an invoice."""

    id: str
    numero: str
    regle: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a commission on a payment; *reste* is what is still due of it."""

    reference: str
    payment_id: str
    encaisse: Decimal
    reste: Decimal


@dataclass(frozen=True, slots=True)
class Readings:
    """All that was read; *calendrier* is what was debited by schedule, *tresorerie* the receipts."""

    paiements: Sequence[Paiement]
    factures: Sequence[Facture]
    parts: Sequence[Part]
    calendrier: Mapping[str, Decimal]
    tresorerie: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be the same, in the words of *service*."""

    service: str
    sujet: str
    attendu: Decimal
    trouve: Decimal


def differences(read: Readings) -> Iterator[Difference]:
    """Everything in which the services differ, service by service."""
    yield from _of_factures(read.paiements, read.factures)
    yield from _of_commission(read.paiements, read.parts)
    yield from _of_calendar(read.paiements, read.calendrier)
    total = sum((one.net for one in read.paiements), ZERO)
    if read.tresorerie != total:
        yield Difference("dashboard", "encaissements de la période", total, read.tresorerie)


def _of_factures(paiements: Iterable[Paiement], factures: Iterable[Facture]) -> Iterator[Difference]:
    paid = sums((one.facture_id, one.net) for one in paiements if one.facture_id)
    for facture in factures:
        expected = paid.pop(facture.id, ZERO)
        if facture.regle != expected:
            yield Difference("factures", facture.numero or facture.id, expected, facture.regle)
    yield from (
        Difference("factures", f"facture inconnue {one}", montant, ZERO)
        for one, montant in sorted(paid.items())
        if montant
    )


def _of_commission(paiements: Iterable[Paiement], parts: Iterable[Part]) -> Iterator[Difference]:
    known = {one.id: one for one in paiements}
    for part in parts:
        paiement = known.get(part.payment_id)
        if paiement is None:
            yield Difference("commission", f"{part.reference}, paiement inconnu", ZERO, part.encaisse)
        elif part.encaisse != paiement.montant:
            yield Difference("commission", f"{part.reference}, base", paiement.montant, part.encaisse)
        elif not paiement.net and part.reste:
            yield Difference("commission", f"{part.reference}, à reprendre", ZERO, part.reste)


def _of_calendar(paiements: Iterable[Paiement], calendrier: Mapping[str, Decimal]) -> Iterator[Difference]:
    # A refund is no debit that failed: what was debited stays so.
    collected = sums((one.schedule_id, one.collecte) for one in paiements if one.schedule_id)
    for schedule_id in sorted({*collected, *calendrier}):
        expected, found = collected.get(schedule_id, ZERO), calendrier.get(schedule_id, ZERO)
        if expected != found:
            yield Difference("calendar", f"échéancier {schedule_id}", expected, found)


def sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The sum of *amounts* of each key."""
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for key, amount in amounts:
        found[key] += amount
    return dict(found)
