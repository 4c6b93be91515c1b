"""The files of a closed period, as pure functions (R44): CSV for people, JSON for programs, same lines."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_CSV, _JSON = "text/csv", "application/json"


@dataclass(frozen=True, slots=True)
class Reported:
    """What is reported in one line: a day, rate and category of sales to persons, or an invoice abroad.

    *nombre* lines of the journal come to it; *facture_id* and *numero* are those of an invoice.
    """

    nature: str
    traitement: str
    jour: date
    periode_corrigee: str | None
    categorie: str
    taux: Decimal
    facture_id: UUID | None
    numero: str | None
    base_ht: Decimal
    montant_tva: Decimal
    montant_ttc: Decimal
    nombre: int


_COLUMNS: Final = tuple(field.name for field in fields(Reported))


@dataclass(frozen=True, slots=True)
class Entete:
    """Whose report it is and of what."""

    organisation_id: str
    societe_id: str
    siren: str
    nature: str
    periode: str


def as_csv(lines: Sequence[Reported]) -> bytes:
    """*lines* with a header, as spreadsheets in France open it: semicolons, decimal commas, a BOM."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(one) for one in astuple(line)] for line in lines)
    return text.getvalue().encode("utf-8-sig")


def as_json(entete: Entete, lines: Sequence[Reported], csv_file: bytes) -> bytes:
    """*lines* with the SHA-256 of *csv_file*, so that the hash of this file stands for both."""
    content = {
        **{field.name: getattr(entete, field.name) for field in fields(Entete)},
        "csv_sha256": sha256(csv_file),
        "lignes": [{name: _value(getattr(line, name)) for name in _COLUMNS} for line in lines],
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def sha256(content: bytes) -> str:
    """Its SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def names(nature: str, periode: str) -> dict[str, str]:
    """The names of both files, by their type."""
    stem = f"{periode}-{nature.lower()}"
    return {_CSV: f"{stem}.csv", _JSON: f"{stem}.json"}


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    return "" if value is None else str(value)


def _value(value: object) -> Any:
    """*value* in JSON; amounts are texts, since no number of JSON is exact to the cent."""
    return value if value is None or isinstance(value, int) else str(value)
