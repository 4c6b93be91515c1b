"""Analysis of a CSV file, and its application in one transaction (R24).

Large files are read in a thread, and written in parts between which other calls are served.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from db_utils import Reader, Retention, Transaction, clock, purge_job
from grpc_utils.errors import FailedPrecondition
from sqlalchemy import ARRAY, String, any_, bindparam, select

from service_calendar import audit, bulk, csv_files, reading
from service_calendar.csv_files import Fault, Line
from service_calendar.csv_lines import KINDS, Kind, rows_of, unknown_zones
from service_calendar.models import (
    ANALYSE,
    CONFIRME,
    CREATE,
    DEBIT_CONFIG,
    HOLIDAYS,
    UPDATE,
    CsvImport,
    DebitConfiguration,
    Holiday,
)

SKIP: Final = "SKIP"
_VALID = timedelta(hours=24)
_KEPT = timedelta(days=30)  # after which nobody asks any more why an import was refused

PURGE: Final = purge_job(Retention(CsvImport, CsvImport.expire_le, _KEPT), name="csv-import-forget")

_AT_ONCE = 100  # lines: some milliseconds
_ids = ARRAY(String)
# More rows than the file has are read where its keys cross; they are told apart afterwards.
_THERE = {
    DEBIT_CONFIG: select(DebitConfiguration)
    .where(
        DebitConfiguration.organisation_id == bindparam("organisation_id"),
        DebitConfiguration.reference_id == any_(bindparam("keys", type_=_ids)),
    )
    .order_by(DebitConfiguration.id),
    HOLIDAYS: select(Holiday)
    .where(
        Holiday.organisation_id == bindparam("organisation_id"),
        Holiday.zone_code == any_(bindparam("keys", type_=_ids)),
    )
    .order_by(Holiday.id),
}
_LOCKED = {name: statement.with_for_update() for name, statement in _THERE.items()}


class ImportEnErreur(FailedPrecondition):
    """Le fichier contient des erreurs ; corrigez-les puis importez-le de nouveau."""


class ImportDejaConfirme(FailedPrecondition):
    """Cet import a déjà été confirmé."""


class ImportExpire(FailedPrecondition):
    """Cet import date de plus de 24 heures ; importez de nouveau le fichier."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A file as it was read: its rows by line, and its faults."""

    type: str
    sha256: str
    lines: list[Line]
    rows: dict[int, Any]
    faults: list[Fault]

    @property
    def total(self) -> int:
        """The number of lines; faults of the header count as one each."""
        return len(self.rows) + len(self.faults)


async def analysed(reader: Reader, organisation_id: str, kind: str, content: bytes) -> Analysis:
    """Read a file of *kind*; nothing is written. Raises InvalidArgument for what is no such file."""
    lines, faults = await asyncio.to_thread(csv_files.read, content, KINDS[kind].columns)
    rows, more = await asyncio.to_thread(rows_of, KINDS[kind], organisation_id, lines)
    codes = {row.zone_code for row in rows.values() if row.zone_code}
    zones = {zone.code for zone in await reading.zones_of(reader, organisation_id, codes)}
    faults = sorted([*faults, *more, *unknown_zones(rows, zones)], key=lambda fault: fault.line)
    wrong = {fault.line for fault in faults}
    return Analysis(
        type=kind,
        sha256=hashlib.sha256(content).hexdigest(),
        lines=[line for line in lines if line.number not in wrong],
        rows={number: row for number, row in rows.items() if number not in wrong},
        faults=faults,
    )


async def actions(reader: Reader, organisation_id: str, analysis: Analysis) -> dict[int, str]:
    """What each valid line would do now: CREATE, UPDATE or SKIP."""
    there = await _there(reader, organisation_id, analysis.type, analysis.rows)
    kind = KINDS[analysis.type]
    return {number: _action(kind, row, there) for number, row in analysis.rows.items()}


def stored(organisation_id: str, analysis: Analysis, *, statut: str) -> CsvImport:
    """The row that keeps an analysis; its lines only while they may be applied."""
    waits = statut == ANALYSE and not analysis.faults
    return CsvImport(
        organisation_id=organisation_id,
        type=analysis.type,
        sha256=analysis.sha256,
        lignes=[[line.number, line.cells] for line in analysis.lines] if waits else [],
        nb_erreurs=len(analysis.faults),
        statut=statut,
        expire_le=clock.now() + _VALID,
    )


async def confirm(tx: Transaction, row: CsvImport) -> dict[int, str]:
    """Apply an analysed file; what each line did.

    Raises ImportEnErreur, ImportDejaConfirme, ImportExpire, and Conflict when somebody else wrote
    the same new row meanwhile.
    """
    if row.statut != ANALYSE:
        raise ImportDejaConfirme
    if row.nb_erreurs:
        raise ImportEnErreur(nb_erreurs=str(row.nb_erreurs))
    if clock.now() >= row.expire_le:
        raise ImportExpire
    before, lines = audit.image(row), [Line(number, cells) for number, cells in row.lignes]
    rows, faults = await asyncio.to_thread(rows_of, KINDS[row.type], row.organisation_id, lines)
    if faults:  # another version of this service has analysed it
        raise ImportEnErreur(nb_erreurs=str(len(faults)))
    done = await apply(tx, row.organisation_id, row.type, rows)
    await tx.update(row, statut=CONFIRME, lignes=[])
    await audit.confirmed(tx, row, before)
    return done


async def apply(tx: Transaction, organisation_id: str, type_: str, rows: Mapping[int, Any]) -> dict[int, str]:
    """Write *rows*, with a line in the journal for each one that changes something (R25)."""
    kind = KINDS[type_]
    there = await _there(tx, organisation_id, type_, rows, lock=True)
    done = {number: _action(kind, row, there) for number, row in rows.items()}
    changes: list[tuple[Any, dict[str, Any]]] = []
    for number, row in rows.items():
        if done[number] == CREATE:
            await tx.insert(row)
            await audit.created(tx, row, by_file=True)
        elif done[number] == UPDATE:
            changes.append((there[kind.key_of(row)], kind.content_of(row)))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    await bulk.update(tx, changes)
    return done


async def _there(
    reader: Reader, organisation_id: str, type_: str, rows: Mapping[int, Any], *, lock: bool = False
) -> dict[tuple[object, ...], Any]:
    """The rows that are there already, by what tells them apart."""
    kind = KINDS[type_]
    column = "zone_code" if type_ == HOLIDAYS else "reference_id"
    keys = sorted({getattr(row, column) for row in rows.values()})
    statement: Any = (_LOCKED if lock else _THERE)[type_]
    found = await reader.all(statement, organisation_id=organisation_id, keys=keys)
    return {kind.key_of(row): row for row in found}


def _action(kind: Kind, row: Any, there: Mapping[tuple[object, ...], Any]) -> str:
    former = there.get(kind.key_of(row))
    if former is None:
        return CREATE
    return SKIP if kind.content_of(former) == kind.content_of(row) else UPDATE
