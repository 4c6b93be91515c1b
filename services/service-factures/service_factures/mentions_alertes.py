"""The monthly word to finance teams about mentions that end without a successor (R27)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from db_utils import Transaction, clock
from service_kit import App, Worker
from service_kit.outgoing import AVERTISSEMENT, alert
from sqlalchemy import ARRAY, String, any_, bindparam, select

from service_factures.document_models import MentionLegaleRow
from service_factures.models import Facture

_NOTICE: Final = 2  # months before the one in which a mention ends (R27)
_YEAR: Final = timedelta(days=365)
_USED = (
    select(Facture.organisation_id, Facture.motif_exoneration)
    .where(
        Facture.date_emission >= bindparam("since", type_=Facture.date_emission.type),
        Facture.motif_exoneration == any_(bindparam("motifs", type_=ARRAY(String))),
    )
    .distinct()
)


def ending(mentions: Iterable[MentionLegaleRow], day: date) -> Mapping[str, date]:
    """The motifs whose last mention ends soon after *day*, or has ended, and its last day (R27)."""
    last: dict[str, MentionLegaleRow] = {}
    for mention in sorted(mentions, key=lambda one: one.valable_du):
        last[mention.motif] = mention
    return {
        motif: mention.valable_au
        for motif, mention in last.items()
        if mention.valable_au is not None and day >= _announced(mention.valable_au)
    }


def _announced(end: date) -> date:
    """The first day of the month two months before that of *end*."""
    months = end.year * 12 + end.month - 1 - _NOTICE
    return date(months // 12, months % 12 + 1, 1)


async def announce_ends(app: App[Any]) -> None:
    """Owe each finance team one word a month about mentions on its invoices that end."""
    today = clock.today()
    reader = app.database.read()
    ends = ending(await reader.all(select(MentionLegaleRow)), today)
    if not ends:
        return
    used: dict[str, set[str]] = defaultdict(set)
    for organisation_id, motif in await reader.all(_USED, since=today - _YEAR, motifs=sorted(ends)):
        used[organisation_id].add(motif or "")
    for organisation_id, motifs in used.items():
        async with app.database.transaction() as tx:
            await _owe(tx, organisation_id, today, [(motif, ends[motif]) for motif in sorted(motifs)])


def message(ends: Iterable[tuple[str, date]]) -> str:
    """What is said of mentions and their last days."""
    told = ", ".join(f"{motif} (jusqu'au {end:%d/%m/%Y})" for motif, end in ends)
    return (
        "Aucun texte ne suit ces mentions d'exonération de TVA que portent vos factures"
        f"\u00a0: {told}. Ensuite, les factures porteraient un texte périmé."
    )


async def _owe(tx: Transaction, organisation_id: str, today: date, ends: Sequence[tuple[str, date]]) -> None:
    key = f"mentions-legales:{organisation_id}:{today:%Y-%m}"
    await alert(
        tx,
        organisation_id,
        key,
        niveau=AVERTISSEMENT,
        titre="Mentions d'exonération à renouveler",
        message=message(ends),
    )


MENTIONS: Final = Worker("annoncer_mentions", announce_ends, every=timedelta(hours=6))
