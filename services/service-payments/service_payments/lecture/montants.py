"""Amounts and fees of a line of a statement (R27): banks book a return and their fee as one amount."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from service_payments.lecture.lignes import Montants
from service_payments.lecture.xml import Element, amount, text

_NONE = Decimal(0)


def of_detail(entry: Element, detail: Element, sens: str, *, single: bool) -> Montants:
    """Return the amounts of a detail; those of its entry count too when it is the *single* one."""
    inside, charges = _charges((detail, entry) if single else (detail,))
    bases = [amount(detail, "Amt"), amount(detail, "AmtDtls/TxAmt/Amt")]
    if single:
        bases.append(amount(entry, "Amt"))
    instructed = amount(detail, "AmtDtls/InstdAmt/Amt")
    booked = amount(entry, "Amt") if single else next((base for base in bases if base is not None), None)
    return Montants(_candidates(instructed, bases, inside, sens), booked, charges)


def of_lot(
    entry: Element, batch: Element | None, details: Sequence[Element], sens: str, *, alone: bool
) -> Montants:
    """Return the amounts of a batch: of the entry when it is *alone*, else the sum of its details."""
    inside, charges = _charges((entry,)) if alone else (_NONE, None)
    bases = [amount(entry, "Amt")] if alone else []
    bases += [amount(batch, "TtlAmt"), _sum(details)]
    instructed = amount(entry, "AmtDtls/InstdAmt/Amt") if alone else None
    booked = next((base for base in bases if base is not None), amount(entry, "Amt"))
    return Montants(_candidates(instructed, bases, inside, sens), booked, charges)


def _candidates(
    instructed: Decimal | None, bases: Sequence[Decimal | None], inside: Decimal, sens: str
) -> tuple[Decimal, ...]:
    """Order what may be the amount of the debit: a fee makes a return larger and a receipt smaller."""
    taken_out = -inside if sens == "DBIT" else inside
    values = [] if instructed is None else [instructed]
    for base in bases:
        if base is not None:
            values += [base + taken_out, base]
    return tuple(dict.fromkeys(values))


def _sum(details: Sequence[Element]) -> Decimal | None:
    values = [
        amount(detail, "AmtDtls/InstdAmt/Amt") or amount(detail, "Amt") or amount(detail, "AmtDtls/TxAmt/Amt")
        for detail in details
    ]
    given = [value for value in values if value is not None]
    return sum(given, _NONE) if given and len(given) == len(values) else None


def _charges(levels: Sequence[Element]) -> tuple[Decimal, Decimal | None]:
    """Return the fees inside the booked amount and all fees, of the first level that names some."""
    for level in levels:
        records = [record for charges in level.findall("Chrgs") for record in _records(charges)]
        if records:
            inside = sum((value for value, included in records if included), _NONE)
            return inside, sum((value for value, _ in records), _NONE)
    return _NONE, None


def _records(charges: Element) -> Iterator[tuple[Decimal, bool]]:
    """The fees of one Chrgs: its records, else its own amount (the shape of 2009), else its total."""
    listed = charges.findall("Rcrd")
    for record in listed or (charges,):
        value = amount(record, "Amt")
        if value is None and not listed:
            value = amount(charges, "TtlChrgsAndTaxAmt")
        if value is not None:
            refunded = text(record, "CdtDbtInd") == "CRDT"
            yield (-value if refunded else value), text(record, "ChrgInclInd") not in ("false", "0")
