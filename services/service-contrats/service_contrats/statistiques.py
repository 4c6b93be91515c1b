"""StatistiquesContratService: what was sold in a period, and what runs at its ends (R20).

A contract is active at an instant when the last change of its statut before it says so.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import StatistiquesContratServiceServicer
from db_utils import Reader, clock
from grpc_utils import Context, civil_date, opaque_id, required
from grpc_utils.errors import DateInvalide, InvalidArgument
from service_kit import App, Settings
from sqlalchemy import ColumnElement, DateTime, String, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from service_contrats import termes
from service_contrats.models import ACTIF, RESILIE, Contrat, HistoriqueStatut, LigneContrat

_LONGEST = 60  # months

# No bound value: PostgreSQL would take that of GROUP BY for another expression.
_nothing: ColumnElement[str] = literal_column("''", type_=String)
_societe = func.coalesce(Contrat.societe_id, _nothing)
_asked = bindparam("societe_id", type_=String)
_OF_SOCIETE = or_(_asked == "", Contrat.societe_id == _asked)
_count = func.count().label("nombre")

_last = (
    select(HistoriqueStatut.contrat_id, HistoriqueStatut.nouveau_statut)
    .where(HistoriqueStatut.date_changement < bindparam("before", type_=DateTime(timezone=True)))
    .ext(distinct_on(HistoriqueStatut.contrat_id))
    .order_by(  # the index, backwards
        HistoriqueStatut.contrat_id.desc(),
        HistoriqueStatut.date_changement.desc(),
        HistoriqueStatut.id.desc(),
    )
    .subquery()
)
_ACTIVE: Any = (
    select(_societe, Contrat.frequence_facturation, _count, func.sum(Contrat.montant))
    .join(_last, _last.c.contrat_id == Contrat.id)
    .where(_last.c.nouveau_statut == ACTIF, _OF_SOCIETE)
    .group_by(_societe, Contrat.frequence_facturation)
)
_TERMINATED = (
    select(_societe, _count)
    .where(
        Contrat.statut == RESILIE,
        Contrat.date_resiliation.between(bindparam("first"), bindparam("last")),
        _OF_SOCIETE,
    )
    .group_by(_societe)
)
_first_produit = (
    select(LigneContrat.produit_id)
    .where(LigneContrat.contrat_id == Contrat.id)
    .order_by(LigneContrat.created_at, LigneContrat.id)
    .limit(1)
    .scalar_subquery()
)


def _signed_by(what: ColumnElement[str]) -> Any:
    """The contracts that were signed in a period, counted and summed by *what*, the largest sum first."""
    signed = (
        select(what.label("quoi"), Contrat.montant_total)
        .where(
            Contrat.date_signature >= bindparam("after", type_=DateTime(timezone=True)),
            Contrat.date_signature < bindparam("before", type_=DateTime(timezone=True)),
            _OF_SOCIETE,
        )
        .subquery()
    )
    amount = func.sum(signed.c.montant_total)
    by_amount = select(signed.c.quoi, func.count(), amount).group_by(signed.c.quoi)
    return by_amount.order_by(amount.desc(), signed.c.quoi)


_BY_PRODUIT = _signed_by(func.coalesce(Contrat.produit_id, _first_produit, _nothing))
_BY_COMMERCIAL = _signed_by(func.coalesce(Contrat.commercial_id, _nothing))


class PeriodeTropLongue(InvalidArgument):
    """Une période de statistiques compte au plus cinq ans."""


@dataclass(frozen=True, slots=True)
class Periode:
    """The days from *first* to *last*, both included."""

    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """The instant at which the first day begins in Paris."""
        return clock.midnight(self.first)

    @property
    def after_first(self) -> datetime:
        """The instant at which the first day is over."""
        return clock.midnight(self.first + timedelta(days=1))

    @property
    def end(self) -> datetime:
        """The instant at which the last day is over."""
        return clock.midnight(self.last + timedelta(days=1))


def periode(request: pb.GetStatistiquesContratRequest) -> Periode:
    """The period of *request* (R20). Raises ChampRequis, DateInvalide, PeriodeTropLongue."""
    first = civil_date(required(request.date_debut, "date_debut"), "date_debut")
    last = civil_date(required(request.date_fin, "date_fin"), "date_fin")
    for champ, day in (("date_debut", first), ("date_fin", last)):
        if not 1900 <= day.year <= 2999:
            raise DateInvalide(champ=champ)
    if last < first:
        raise DateInvalide("pas avant date_debut", champ="date_fin")
    if last >= termes.add_months(first, _LONGEST):
        raise PeriodeTropLongue(champ="date_fin")
    return Periode(first, last)


class StatistiquesContratService(StatistiquesContratServiceServicer):
    """Figures of the contracts of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Get(
        self, request: pb.GetStatistiquesContratRequest, context: Context
    ) -> pb.StatistiquesContrat:
        """Count the contracts of a period (R20)."""
        asked = periode(request)
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        reader = self._db.read()
        signed = {"after": asked.begin, "before": asked.end, "societe_id": societe_id}
        products = await reader.all(_BY_PRODUIT, **signed)
        salespeople = await reader.all(_BY_COMMERCIAL, **signed)
        societes = await _societes(reader, asked, societe_id)
        return pb.StatistiquesContrat(
            actifs_debut=sum(one.actifs_debut for one in societes.values()),
            actifs_fin=sum(one.actifs_fin for one in societes.values()),
            nouveaux=sum(number for _, number, _ in products),
            resilies=sum(one.resilies for one in societes.values()),
            mrr=float(termes.monthly(pair for one in societes.values() for pair in one.montants)),
            par_produit=[
                pb.StatistiquesProduit(produit_id=key, nombre=number, montant_total=float(amount))
                for key, number, amount in products
            ],
            par_commercial=[
                pb.StatistiquesCommercial(commercial_id=key, nombre=number, montant_total=float(amount))
                for key, number, amount in salespeople
            ],
            par_societe=[_message(key, societes[key]) for key in sorted(societes)],
        )


@dataclass(slots=True)
class _Societe:
    """The figures of a société; *montants* are those of its active contracts, by frequency."""

    actifs_debut: int = 0
    actifs_fin: int = 0
    resilies: int = 0
    montants: tuple[tuple[str, Decimal], ...] = ()


async def _societes(reader: Reader, asked: Periode, societe_id: str) -> Mapping[str, _Societe]:
    found: defaultdict[str, _Societe] = defaultdict(_Societe)
    at_first = await reader.all(_ACTIVE, before=asked.after_first, societe_id=societe_id)
    for name, _, number, _ in at_first:
        found[name].actifs_debut += number
    at_last = await reader.all(_ACTIVE, before=asked.end, societe_id=societe_id)
    for name, frequence, number, montant in at_last:
        found[name].actifs_fin += number
        found[name].montants += ((frequence, montant),)
    days = {"first": asked.first, "last": asked.last}
    for name, number in await reader.all(_TERMINATED, **days, societe_id=societe_id):
        found[name].resilies = number
    return found


def _message(societe_id: str, figures: _Societe) -> pb.StatistiquesSociete:
    return pb.StatistiquesSociete(
        societe_id=societe_id,
        actifs_debut=figures.actifs_debut,
        actifs_fin=figures.actifs_fin,
        resilies=figures.resilies,
        mrr=float(termes.monthly(figures.montants)),
    )
