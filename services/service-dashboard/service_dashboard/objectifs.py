"""ObjectifService: what somebody has decided that a month should bring (R17)."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import ObjectifServiceServicer
from db_utils import Reader, Transaction, clock, once_committed
from grpc_utils import Context, found, money, opaque_id, required, to_message
from grpc_utils.errors import ChampRequis, InvalidArgument, OrganisationRequise
from service_kit import App, Settings
from sqlalchemy import String, bindparam, or_, select

from service_dashboard.models import Objectif
from service_dashboard.periods import PeriodeInvalide, shifted
from service_dashboard.reponses import Reponses

_MOIS: Final = re.compile(r"(20[0-9]{2}|2100)-(0[1-9]|1[0-2])")
_LONGEST, _USUAL = 60, 12  # months of a list

_asked = bindparam("societe_id", type_=String)
_in_months = (Objectif.mois >= bindparam("du", type_=String), Objectif.mois <= bindparam("au", type_=String))
_LISTED = (
    select(Objectif)
    .where(*_in_months, or_(_asked == "", Objectif.societe_id == _asked))
    .order_by(Objectif.mois, Objectif.societe_id)
)
# The organisation's come first, so that those of the société take their place.
_THAT_COUNT = (
    select(Objectif)
    .where(*_in_months, or_(Objectif.societe_id == "", Objectif.societe_id == _asked))
    .order_by(Objectif.societe_id)
)


class MoisInvalide(InvalidArgument):
    """Un mois s'écrit AAAA-MM et se situe entre 2000-01 et 2100-12."""


class ObjectifService(ObjectifServiceServicer):
    """Objectives of the caller's organisation and of its sociétés."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def Set(self, request: pb.SetObjectifRequest, context: Context) -> pb.Objectif:
        """Decide what a month should bring, or decide it anew (R17).

        Raises ChampRequis, MoisInvalide, MontantInvalide, FormatInvalide, OrganisationRequise.
        """
        objectif = new_objectif(request)
        async with self._db.transaction() as tx:
            decided = await _put(tx, objectif)
        once_committed(lambda: self._reponses.forget(request.organisation_id))
        return to_message(decided, pb.Objectif)

    async def List(self, request: pb.ListObjectifsRequest, context: Context) -> pb.ListObjectifsResponse:
        """List the objectives of some months, by month and société.

        Raises MoisInvalide, PeriodeInvalide, FormatInvalide.
        """
        du, au = months_asked(request, clock.today())
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        rows = await self._db.read().all(_LISTED, du=f"{du:%Y-%m}", au=f"{au:%Y-%m}", societe_id=societe_id)
        return pb.ListObjectifsResponse(objectifs=[to_message(one, pb.Objectif) for one in rows])


def new_objectif(request: pb.SetObjectifRequest) -> Objectif:
    """The objective that *request* decides. Raises like `ObjectifService.Set`."""
    if not request.HasField("montant"):
        raise ChampRequis(champ="montant")
    mois = first_day(required(request.mois, "mois"), "mois")
    montant = money(request.montant, "montant")
    societe_id = opaque_id(request.societe_id, "societe_id") or ""
    if not request.organisation_id:
        raise OrganisationRequise
    return Objectif(
        organisation_id=request.organisation_id, societe_id=societe_id, mois=f"{mois:%Y-%m}", montant=montant
    )


def first_day(mois: str, champ: str) -> date:
    """The first day of the month written YYYY-MM (R17). Raises MoisInvalide."""
    if _MOIS.fullmatch(mois) is None:
        raise MoisInvalide(champ=champ)
    return date.fromisoformat(f"{mois}-01")


def months_asked(request: pb.ListObjectifsRequest, today: date) -> tuple[date, date]:
    """The first and the last month that *request* means. Raises MoisInvalide, PeriodeInvalide."""
    au = first_day(request.au, "au") if request.au else None
    if request.du:
        du = first_day(request.du, "du")
    else:
        du = shifted(au, 1 - _USUAL) if au else today.replace(month=1, day=1)
    au = au or shifted(du, _USUAL - 1)
    if not du <= au < shifted(du, _LONGEST):
        raise PeriodeInvalide
    return du, au


async def decided(reader: Reader, du: date, au: date, societe_id: str) -> Mapping[date, Decimal]:
    """The objectives of the months *du* to *au*, the société's before the organisation's (R7)."""
    rows = await reader.all(_THAT_COUNT, du=f"{du:%Y-%m}", au=f"{au:%Y-%m}", societe_id=societe_id)
    return {date.fromisoformat(f"{one.mois}-01"): one.montant for one in rows}


async def _put(tx: Transaction, objectif: Objectif) -> Objectif:
    """Insert *objectif*, or give its amount to the row that is there."""
    if await tx.insert_if_absent(objectif):
        return objectif
    key = (objectif.organisation_id, objectif.societe_id, objectif.mois)
    stored = found(await tx.get(Objectif, key, lock=True))
    return await tx.update(stored, montant=objectif.montant)
