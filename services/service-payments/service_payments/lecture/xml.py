"""XML of banks: parsed without anything from outside, then searched by local names (R23)."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from db_utils.clock import PARIS
from lxml import etree

from service_payments.lecture.lignes import EUR

Element = etree._Element

_LONGEST: Final = 255
_MOST = Decimal(10) ** 12


class NotXml(ValueError):
    """The bytes are no XML, have a document type, or nest too deeply."""


def parsed(content: bytes) -> Element:
    """Return the root of *content*, its names without namespaces. Raises NotXml."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotXml from error
    docinfo: Any = root.getroottree().docinfo
    # Entities stay unexpanded whatever it declares, but no bank sends one.
    if docinfo.doctype or docinfo.internalDTD is not None:
        raise NotXml
    for element in root.iter(etree.Element):
        element.tag = element.tag.rpartition("}")[2]
    return root


def text(element: Element | None, path: str) -> str:
    """Return the text at *path*, trimmed outside and as written inside; empty when there is none."""
    found = None if element is None else element.find(path)
    return (found.text or "").strip() if found is not None else ""


def first(element: Element | None, *paths: str) -> str:
    """Return the first text that one of *paths* has."""
    return next((value for path in paths if (value := text(element, path))), "")


def identifier(element: Element | None, *paths: str) -> str:
    """Return the first id at *paths*; NOTPROVIDED is none (R24)."""
    values = (text(element, path) for path in paths)
    return next((value for value in values if value and value != "NOTPROVIDED"), "")


def amount(element: Element | None, path: str) -> Decimal | None:
    """Return the amount in euros at *path*; None when there is none, or one in another currency."""
    found = None if element is None else element.find(path)
    if found is None or found.get("Ccy", EUR) != EUR:
        return None
    return number(found.text)


def number(written: str | None) -> Decimal | None:
    """Return *written* as an amount to the cent, None when it is no amount."""
    try:
        value = Decimal((written or "").strip())
    except InvalidOperation:
        return None
    return value.quantize(Decimal("0.01")) if value.is_finite() and abs(value) < _MOST else None


def day(element: Element | None, *paths: str) -> date | None:
    """Return the first date at *paths*, each with Dt or DtTm below it; of an instant its day in Paris."""
    for path in paths:
        found = None if element is None else element.find(path)
        for value in (first(found, "Dt", "DtTm"), (found.text or "").strip() if found is not None else ""):
            if (read := _read_day(value)) is not None:
                return read
    return None


def reason(element: Element | None) -> tuple[str, str]:
    """Return code and text of a reason (RtrInf, StsRsnInf), both as the bank writes them."""
    code = first(element, "Rsn/Cd", "Rsn/Prtry", "StsRsn/Cd", "StsRsn/Prtry")
    return code[:35], " ".join(_texts(element, "AddtlInf"))[:_LONGEST]


def _texts(element: Element | None, path: str) -> Iterator[str]:
    for found in () if element is None else element.findall(path):
        if value := (found.text or "").strip():
            yield value


def _read_day(value: str) -> date | None:
    try:
        if "T" not in value:
            return date.fromisoformat(value[:10])
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    # Without an offset it is the bank's own time, which is ours.
    return instant.astimezone(PARIS).date() if instant.tzinfo else instant.date()
