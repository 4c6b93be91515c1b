"""Figures about what was carried out within a period, and what was paid afterwards (R23)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm.relance import relance_pb2 as pb
from db_utils import Reader, clock
from grpc_utils import civil_date, required
from grpc_utils.errors import DateInvalide, InvalidArgument
from sqlalchemy import Date, DateTime, Numeric, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from service_relance.models import ECHEC, IGNORE, IMPAYE, SUCCES, HistoriqueRelance, ReglementVu, Relance

_LONGEST = timedelta(days=5 * 366)
_DAYS_AFTER = 30  # that a reminder works
_FIRST_YEAR, _LAST_YEAR = 1900, 2999

_within = (
    HistoriqueRelance.relance_id == Relance.id,
    HistoriqueRelance.date_execution >= bindparam("after", type_=DateTime(timezone=True)),
    HistoriqueRelance.date_execution < bindparam("before", type_=DateTime(timezone=True)),
)
_COUNTS: Any = (
    select(Relance.declencheur, Relance.niveau, HistoriqueRelance.resultat, func.count())
    .where(*_within)
    .group_by(Relance.declencheur, Relance.niveau, HistoriqueRelance.resultat)
)
# Of each invoice what its last reminder asked for.
_asked = (
    select(
        func.coalesce(
            cast(HistoriqueRelance.metadata_["montant_du"].astext, Numeric(14, 2)), Relance.montant
        ).label("montant")
    )
    .where(
        *_within,
        Relance.declencheur == IMPAYE,
        HistoriqueRelance.resultat == SUCCES,
        HistoriqueRelance.facture_id.is_not(None),
    )
    .ext(distinct_on(HistoriqueRelance.facture_id))
    .order_by(
        HistoriqueRelance.facture_id,
        HistoriqueRelance.date_execution.desc(),
        HistoriqueRelance.id.desc(),
    )
    .subquery()
)
_ASKED: Any = select(func.sum(_asked.c.montant))
# Of each payment within thirty days after a reminder of its invoice the day of the last one before it.
_executed = cast(func.timezone("Europe/Paris", HistoriqueRelance.date_execution), Date)
_paid = (
    select(ReglementVu.montant, ReglementVu.date_reception, func.max(_executed).label("rappel"))
    .where(
        *_within,
        Relance.declencheur == IMPAYE,
        HistoriqueRelance.resultat == SUCCES,
        ReglementVu.organisation_id == HistoriqueRelance.organisation_id,
        ReglementVu.facture_id == HistoriqueRelance.facture_id,
        ReglementVu.rejete_le.is_(None),
        ReglementVu.date_reception >= _executed,
        ReglementVu.date_reception - _executed <= _DAYS_AFTER,
    )
    .group_by(
        ReglementVu.organisation_id,
        ReglementVu.payment_id,
        ReglementVu.montant,
        ReglementVu.date_reception,
    )
    .subquery()
)
_PAID: Any = select(func.sum(_paid.c.montant), func.avg(_paid.c.date_reception - _paid.c.rappel))


class PeriodeTropLongue(InvalidArgument):
    """Une période de statistiques compte au plus cinq ans."""


@dataclass(frozen=True, slots=True)
class Periode:
    """Days of Paris from *first* to *last*, both included."""

    first: date
    last: date

    @property
    def bounds(self) -> Mapping[str, datetime]:
        """The instants between which the period lies, the second one excluded."""
        return {
            "after": clock.midnight(self.first),
            "before": clock.midnight(self.last + timedelta(days=1)),
        }


def periode(request: pb.GetStatistiquesRelanceRequest) -> Periode:
    """Period of *request*. Raises ChampRequis, DateInvalide, PeriodeTropLongue."""
    first, last = _day(request.date_from, "date_from"), _day(request.date_to, "date_to")
    if last < first:
        raise DateInvalide(champ="date_to")
    if last - first >= _LONGEST:
        raise PeriodeTropLongue(champ="date_to")
    return Periode(first, last)


def _day(text: str, champ: str) -> date:
    day = civil_date(required(text, champ), champ)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise DateInvalide(champ=champ)
    return day


async def statistiques(reader: Reader, asked: Periode) -> pb.StatistiquesRelance:
    """Count the lines of the history within *asked*, by trigger and by level (R23)."""
    rows = await reader.all(_COUNTS, **asked.bounds)
    amount = await reader.one(_ASKED, **asked.bounds) or Decimal("0.00")
    ((paid, delay),) = await reader.all(_PAID, **asked.bounds)
    return pb.StatistiquesRelance(
        **_figures((resultat, count) for _, _, resultat, count in rows),
        par_declencheur=[
            pb.StatistiquesDeclencheur(
                declencheur=declencheur,
                **_figures((resultat, count) for one, _, resultat, count in rows if one == declencheur),
            )
            for declencheur in sorted({row[0] for row in rows})
        ],
        par_niveau=[
            pb.StatistiquesNiveau(
                niveau=niveau,
                **_figures(
                    (resultat, count)
                    for declencheur, one, resultat, count in rows
                    if declencheur == IMPAYE and one == niveau
                ),
            )
            for niveau in sorted({row[1] for row in rows if row[0] == IMPAYE})
        ],
        montant_relance=float(amount),
        montant_regle_apres_relance=float(paid or 0),
        delai_moyen_reglement_jours=None if delay is None else float(delay),
    )


def _figures(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Number of lines by result, and of all."""
    by: Counter[str] = Counter()
    for resultat, count in counts:
        by[resultat] += count
    return {"total": by.total(), "succes": by[SUCCES], "echec": by[ECHEC], "ignore": by[IGNORE]}
