"""What an Update does to a barème, as pure functions: a change in place, or a new version (R15, R16)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import clock
from grpc_utils import optional_date
from grpc_utils.errors import Aborted, FailedPrecondition, FormatInvalide, InvalidArgument

from service_commerciaux import figures, paliers
from service_commerciaux.models import Bareme, Palier

_SHORTEST_MOTIF = 3
_NAMES = frozenset({"nom", "description", "motif_modification"})
_KEPT = ("organisation_id", "code", "actif", *figures.UPDATABLE)
_DAY = timedelta(days=1)


class VersionRemplacee(Aborted):
    """Une version plus récente de ce barème existe ; relisez-la et recommencez."""


class DateEffetAnterieure(FailedPrecondition):
    """La nouvelle version doit prendre effet après la version actuelle."""


class MotifRequis(InvalidArgument):
    """Une nouvelle version demande un motif d'au moins 3 caractères."""


@dataclass(frozen=True, slots=True)
class Change:
    """New values for the *columns* of a version, and the version that replaces it, with its tiers, if any."""

    columns: Mapping[str, Any]
    next: Bareme | None = None
    paliers: Sequence[Palier] = ()


def change_of(
    bareme: Bareme, former: Collection[Palier], request: pb.UpdateBaremeRequest, par: str | None
) -> Change:
    """Work out what *request* of *par* does to *bareme*, which has the tiers *former*.

    Raises VersionRemplacee, MotifRequis, DateEffetAnterieure, InvalidArgument.
    """
    if not bareme.derniere:
        raise VersionRemplacee
    wanted = figures.requested_changes(request)
    new = _differing(bareme, wanted)
    date_effet = optional_date(request.date_effet, "date_effet")
    tiers = _wanted_paliers(bareme, former, request)
    if _is_in_place(bareme, new, date_effet) and paliers.same(former, tiers):
        return Change({**new, "modifie_par": par} if new else {})
    motif = wanted.get("motif_modification") or ""
    if len(motif) < _SHORTEST_MOTIF:
        raise MotifRequis(champ="motif_modification")
    following = _next(bareme, {**new, "motif_modification": motif}, date_effet or clock.today(), par)
    figures.check_complete(following, tiers)
    closed = {"derniere": False, "date_fin": _closing(bareme, following.date_effet)}
    return Change(closed, following, paliers.copied(following, tiers))


def _differing(bareme: Bareme, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Values that *wanted* gives to columns which hold another one now."""
    columns = figures.without_recurrence({name: getattr(bareme, name) for name in _KEPT} | dict(wanted))
    return {name: value for name, value in columns.items() if value != getattr(bareme, name)}


def _is_in_place(bareme: Bareme, new: Mapping[str, Any], date_effet: date | None) -> bool:
    """Tell whether nothing that was in force changes: names alone, or a later end (R16)."""
    later = "date_fin" not in new or (
        bareme.date_fin is not None and (new["date_fin"] is None or new["date_fin"] > bareme.date_fin)
    )
    same_beginning = date_effet is None or date_effet == bareme.date_effet
    return new.keys() <= _NAMES | {"date_fin"} and later and same_beginning


def _wanted_paliers(
    bareme: Bareme, former: Collection[Palier], request: pb.UpdateBaremeRequest
) -> Collection[Palier]:
    """Tiers that *request* wants: its own list as a whole, none, or the *former* ones."""
    if request.sans_paliers and request.paliers:
        raise FormatInvalide(champ="sans_paliers")
    if request.sans_paliers or request.paliers:
        return paliers.new_paliers(bareme, request.paliers)
    return former


def _next(bareme: Bareme, new: Mapping[str, Any], date_effet: date, par: str | None) -> Bareme:
    """Version after *bareme*, with the values *new*, from *date_effet* on (R15)."""
    if date_effet <= bareme.date_effet:
        raise DateEffetAnterieure(f"après le {bareme.date_effet:%d/%m/%Y}", champ="date_effet")
    return figures.complete(
        {name: getattr(bareme, name) for name in _KEPT}
        | dict(new)
        | {
            "version_bareme": bareme.version_bareme + 1,
            "date_effet": date_effet,
            "cree_par": par,
            "modifie_par": par,
        }
    )


def _closing(bareme: Bareme, date_effet: date) -> date:
    """Last day of *bareme* before a version of *date_effet*; an end that it has already is not moved on."""
    before = date_effet - _DAY
    return before if bareme.date_fin is None else min(bareme.date_fin, before)
