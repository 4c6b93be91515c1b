"""Rules of schedules as pure functions: how much is due how often, and from which day on (R1 to R5).

Days themselves are the calendar's: `planification.py` asks for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from db_utils import months_later
from grpc_utils import rounded
from grpc_utils.errors import InvalidArgument

from service_payments.models import (
    ANNUELLE,
    BLOQUEE,
    HEBDOMADAIRE,
    MENSUELLE,
    PLANIFIEE,
    SEMESTRIELLE,
    TRIMESTRIELLE,
    UNIQUE,
    Echeance,
    Echeancier,
)

OPEN_AHEAD: Final = 3  # échéances that an open schedule always has before it (R1)
MOST_ECHEANCES: Final = 600
_MONTHS: Final[Mapping[str, int]] = {
    UNIQUE: 0,
    MENSUELLE: 1,
    TRIMESTRIELLE: 3,
    SEMESTRIELLE: 6,
    ANNUELLE: 12,
}
_A_YEAR: Final[Mapping[str, int]] = {
    UNIQUE: 1,
    HEBDOMADAIRE: 52,
    MENSUELLE: 12,
    TRIMESTRIELLE: 4,
    SEMESTRIELLE: 2,
    ANNUELLE: 1,
}
_WEEK: Final = timedelta(days=7)


class EcheanceNulle(InvalidArgument):
    """Ce montant ne se partage pas en autant d'échéances : l'une d'elles serait nulle ou négative."""


class TropDEcheances(InvalidArgument):
    """Un échéancier compte de 1 à 600 échéances."""


@dataclass(frozen=True, slots=True)
class Cible:
    """What an échéance aims at: a month, and for weekly ones the first day that it may have."""

    mois: str
    jour: date | None = None


def parts(total: Decimal, count: int) -> list[Decimal]:
    """*total* in *count* parts of whole cents, equal but for the last one (R1). Raises EcheanceNulle."""
    part = rounded(total / count)
    last = total - part * (count - 1)
    if part <= 0 or last <= 0:
        raise EcheanceNulle(champ="montant_total")
    return [part] * (count - 1) + [last]


def is_open(schedule: Echeancier) -> bool:
    """Whether a schedule goes on until somebody ends it (R1)."""
    return (
        schedule.montant_echeance is not None
        and schedule.nombre_echeances is None
        and schedule.date_fin is None
        and schedule.frequence != UNIQUE
    )


def count_of(schedule: Echeancier) -> int:
    """The number of échéances: as told, else as many periods as its dates hold, else a year of them (R1).

    Of an open schedule, those that are made at once. Raises TropDEcheances.
    """
    if schedule.frequence == UNIQUE:
        return 1
    if schedule.nombre_echeances is not None:
        count = schedule.nombre_echeances
    elif schedule.date_fin is not None:
        count = _periods(schedule.frequence, schedule.date_debut, schedule.date_fin)
    else:
        count = OPEN_AHEAD if is_open(schedule) else _A_YEAR[schedule.frequence]
    if not 1 <= count <= MOST_ECHEANCES:
        raise TropDEcheances(champ="nombre_echeances")
    return count


def _periods(frequence: str, debut: date, fin: date) -> int:
    """How many periods begin from *debut* to *fin*, both included."""
    if frequence == HEBDOMADAIRE:
        return (fin - debut) // _WEEK + 1
    months = (fin.year - debut.year) * 12 + fin.month - debut.month - (fin.day < debut.day)
    return months // _MONTHS[frequence] + 1


def montants_of(schedule: Echeancier) -> list[Decimal]:
    """The amounts of all échéances (R1), none without one (R3). Raises EcheanceNulle, TropDEcheances."""
    count = count_of(schedule)
    if schedule.montant_echeance is not None:
        return [schedule.montant_echeance] * count
    return parts(schedule.montant_total, count) if schedule.montant_total else []


def plus_tot(schedule: Echeancier, preavis: int, today: date) -> date:
    """The first day on which the client may be debited (R4)."""
    signed = schedule.date_signature if schedule.date_signature is not None else today
    return max(schedule.date_debut, signed + timedelta(days=preavis))


def cibles(frequence: str, earliest: date, count: int, *, later: int = 0) -> list[Cible]:
    """What *count* échéances aim at from *earliest* on, their first month moved *later* (R5)."""
    if frequence == HEBDOMADAIRE:
        days = [earliest + _WEEK * rang for rang in range(count)]
        return [Cible(f"{day:%Y-%m}", day) for day in days]
    step = _MONTHS[frequence]
    return [Cible(month_after(earliest, later + step * rang)) for rang in range(count)]


def following(frequence: str, last: Cible) -> Cible:
    """What the échéance after *last* aims at."""
    if frequence == HEBDOMADAIRE:
        assert last.jour is not None
        day = last.jour + _WEEK
        return Cible(f"{day:%Y-%m}", day)
    return Cible(month_after(date.fromisoformat(f"{last.mois}-01"), _MONTHS[frequence]))


def cibles_until(frequence: str, last: Cible, fin: date) -> list[Cible]:
    """What the échéances after *last* aim at, up to *fin*. Raises TropDEcheances."""
    cibles: list[Cible] = []
    while position(cible := following(frequence, cibles[-1] if cibles else last)) <= fin:
        cibles.append(cible)
        if len(cibles) > MOST_ECHEANCES:
            raise TropDEcheances(champ="date_fin")
    return cibles


def position(cible: Cible) -> date:
    """The first day that an échéance may have, by which they are ordered."""
    return cible.jour or date.fromisoformat(f"{cible.mois}-01")


def month_after(day: date, months: int) -> str:
    """The month that lies *months* after that of *day*, as YYYY-MM."""
    return months_later(day, months).isoformat()[:7]


def shares(montant: Decimal, lignes: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str, Decimal]]:
    """The parts of *montant* by rate of the *lignes* of a contract: rate, motif of exemption, part (R31).

    In proportion to the lines of each rate, the highest first; the lowest rate takes the remainder. With
    lines all at 0.00, and with one rate, the first rate has everything. Nothing without lines.
    """
    by_rate: dict[tuple[Decimal, str], Decimal] = {}
    for ligne in lignes:
        rate = Decimal(ligne["taux"]), ligne["motif"]
        by_rate[rate] = by_rate.get(rate, Decimal(0)) + Decimal(ligne["montant"])
    total = sum(by_rate.values(), Decimal(0))
    if not total:
        by_rate = dict(list(by_rate.items())[:1])
    ordered = sorted(by_rate, key=lambda rate: rate[0], reverse=True)
    left = montant
    for rate in ordered:
        part = left if rate == ordered[-1] else min(left, rounded(montant * by_rate[rate] / total))
        left -= part
        if part:
            yield str(rate[0]), rate[1], part


def free(echeance: Echeance) -> bool:
    """Whether nothing was asked for an échéance yet, so that it may still be changed (R7, R8)."""
    return echeance.statut == PLANIFIEE and echeance.demande is None


def unasked(echeance: Echeance) -> bool:
    """Whether no invoice exists or was asked for: new échéances, and those whose invoice was refused (R7)."""
    return (
        echeance.statut in (PLANIFIEE, BLOQUEE) and echeance.demande is None and echeance.facture_id is None
    )
