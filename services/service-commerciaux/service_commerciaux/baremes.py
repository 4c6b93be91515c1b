"""BaremeCommissionService: scales of commissions in versions, and which one applies to a sale.

A version is changed under a lock on its row, so that of changes at once each sees the former one (R15).
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import BaremeCommissionServiceServicer
from db_utils import Listing, Reader
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    list_answer,
    optional_date,
    page_of,
    to_message,
)
from service_kit import App, Settings
from sqlalchemy import ARRAY, Integer, Uuid, any_, bindparam, or_, select

from service_commerciaux import applicable, figures, versions
from service_commerciaux.models import Bareme, Palier
from service_commerciaux.paliers import new_paliers, ordered

BAREMES = Listing(
    Bareme,
    sorts=("nom", "code", "date_effet"),
    filters={
        "type_calcul": None,
        "canal_vente": None,
        "actif": None,
        "derniere": None,
        "en_vigueur_le": lambda day: applicable.in_force(day),
    },
    search=Bareme.recherche_cle,
)
_number = bindparam("version_bareme", type_=Integer)
_BY_CODE = select(Bareme).where(
    Bareme.organisation_id == bindparam("organisation_id"),
    Bareme.code == bindparam("code"),
    or_(Bareme.version_bareme == _number, Bareme.derniere & (_number == 0)),
)
_PALIERS = select(Palier).where(Palier.bareme_id == any_(bindparam("ids", type_=ARRAY(Uuid))))


class BaremeCommissionService(BaremeCommissionServiceServicer):
    """Barèmes of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateBaremeRequest, context: Context) -> pb.Bareme:
        """Add the first version of a barème (R10 to R14)."""
        bareme = figures.new_bareme(request, _author())
        paliers = new_paliers(bareme, request.paliers)
        figures.check_complete(bareme, paliers)
        async with self._db.transaction() as tx:
            await tx.insert(bareme)
            for palier in paliers:
                await tx.insert(palier)
        return _message(bareme, paliers)

    async def Get(self, request: pb.GetBaremeRequest, context: Context) -> pb.Bareme:
        """Read a version by its id, or by code and number; number 0 is the latest."""
        reader = self._db.read()
        if request.id or not request.code:
            return _message(*found(await reader.get_with(Bareme, request.id, Palier.bareme_id)))
        bareme = await reader.one(
            _BY_CODE,
            organisation_id=request.organisation_id,
            code=request.code.upper(),
            version_bareme=request.version_bareme,
        )
        return await _whole(reader, found(bareme))

    async def GetApplicable(self, request: pb.GetBaremeApplicableRequest, context: Context) -> pb.Bareme:
        """Find the most specific version in force on a day, today or another one (R17, R18)."""
        reader = self._db.read()
        bareme = await reader.one(applicable.APPLICABLE, **applicable.wanted(request))
        if bareme is None:
            raise applicable.AucunBareme
        return await _whole(reader, bareme)

    async def List(self, request: pb.ListBaremesRequest, context: Context) -> pb.ListBaremesResponse:
        """List the latest versions by name; on request all of them, or those in force on a day."""
        reader = self._db.read()
        day = optional_date(request.en_vigueur_le, "en_vigueur_le")
        page = await page_of(
            BAREMES,
            reader,
            request,
            derniere=None if day or request.toutes_versions else True,
            en_vigueur_le=day,
        )
        paliers = await _paliers_of(reader, page.rows)
        return list_answer(
            pb.ListBaremesResponse, page, [_message(bareme, paliers[bareme.id]) for bareme in page.rows]
        )

    async def Update(self, request: pb.UpdateBaremeRequest, context: Context) -> pb.Bareme:
        """Change names or a later end in place; anything else makes the next version (R15, R16)."""
        async with self._db.transaction() as tx:
            bareme = found(await tx.get(Bareme, request.id, lock=True))
            paliers: Sequence[Palier] = (await _paliers_of(tx, [bareme]))[bareme.id]
            change = versions.change_of(bareme, paliers, request, _author())
            await tx.update(bareme, expected=expected_version(request), **change.columns)
            if change.next is not None:
                bareme, paliers = await tx.insert(change.next), change.paliers
                for palier in paliers:
                    await tx.insert(palier)
        return _message(bareme, paliers)

    async def Activer(self, request: pb.ActiverBaremeRequest, context: Context) -> pb.Bareme:
        """Put a version back among those that apply."""
        return await self._set_actif(request.id, actif=True)

    async def Desactiver(self, request: pb.DesactiverBaremeRequest, context: Context) -> pb.Bareme:
        """Take a version out of those that apply; the former one does not come back (R19)."""
        return await self._set_actif(request.id, actif=False)

    async def _set_actif(self, bareme_id: str, *, actif: bool) -> pb.Bareme:
        async with self._db.transaction() as tx:
            bareme = found(await tx.get(Bareme, bareme_id, lock=True))
            if bareme.actif != actif:
                await tx.update(bareme, actif=actif, modifie_par=_author())
            return await _whole(tx, bareme)


def _author() -> str | None:
    return caller().user_id or None


async def _paliers_of(reader: Reader, baremes: Iterable[Bareme]) -> dict[UUID, list[Palier]]:
    """Read the tiers of *baremes*, by the id of their barème, in one statement."""
    found_paliers: dict[UUID, list[Palier]] = {bareme.id: [] for bareme in baremes}
    if found_paliers:
        for palier in await reader.all(_PALIERS, ids=list(found_paliers)):
            found_paliers[palier.bareme_id].append(palier)
    return found_paliers


async def _whole(reader: Reader, bareme: Bareme) -> pb.Bareme:
    return _message(bareme, (await _paliers_of(reader, [bareme]))[bareme.id])


def _message(bareme: Bareme, paliers: Iterable[Palier]) -> pb.Bareme:
    return to_message(bareme, pb.Bareme, paliers=[to_message(one, pb.Palier) for one in ordered(paliers)])
