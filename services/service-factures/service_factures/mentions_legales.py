"""Why an invoice bears no VAT, in the words of the day of its issue (R27)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from db_utils import Reader
from sqlalchemy import bindparam, select

from service_factures.document_models import MentionLegaleRow
from service_factures.exonerations import NORMAL

PERIMEE: Final = "MENTION_PERIMEE"
_BEGUN = (
    select(MentionLegaleRow)
    .where(
        MentionLegaleRow.motif == bindparam("motif"),
        MentionLegaleRow.valable_du <= bindparam("day", type_=MentionLegaleRow.valable_du.type),
    )
    .order_by(MentionLegaleRow.valable_du.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Mention:
    """What an invoice says about lines at 0 %, and what is to be told of it; both empty without any."""

    texte: str | None = None
    vatex: str | None = None
    avertissements: tuple[str, ...] = ()


async def mention_of(reader: Reader, motif: str | None, categories: Collection[str], day: date) -> Mention:
    """The mention valid on *day*, else the last one with a warning; none where all lines are taxed."""
    if motif is None or not set(categories) - {NORMAL}:
        return Mention()
    row = await reader.one(_BEGUN, motif=motif, day=day)
    if row is None:
        return Mention(avertissements=(PERIMEE,))
    valid = row.valable_au is None or day <= row.valable_au
    return Mention(row.texte, row.vatex, () if valid else (PERIMEE,))
