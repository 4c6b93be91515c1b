"""What a platform says of the files that we have sent: an Error of ours ends their way (R36, R40).

Pending and Ok change nothing for an invoice: its statuses tell what becomes of it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from db_utils import Database, clock
from service_kit import App
from sqlalchemy import ColumnElement, bindparam, exists, or_, select

from service_factures import cycles, historique
from service_factures.models import Facture
from service_factures.plateforme_models import ACCEPTE, ENVOYE, ConnexionPlateforme, CycleSortant
from service_factures.transmission import (
    CODE_IRRECEVABLE,
    ENVOYEE,
    PLATEFORME,
    SERVICE,
    STATUTS,
    Acquittement,
    InvoiceTransmission,
    Statut,
)
from service_factures.transmission_models import Transmission, TransmissionStatut

_SENT: Final = (ENVOYEE, STATUTS[212])
_BATCH = 200
_WHILE = timedelta(days=30)  # a platform that is silent for so long says nothing any more


def _of_account(*, of_environment: bool) -> ColumnElement[bool]:
    """The sociétés that use an account: one, or all that have none of their own."""
    if not of_environment:
        return Facture.societe_id == bindparam("societe_id")
    own = select(ConnexionPlateforme.societe_id)
    return Facture.societe_id.not_in(
        own.where(ConnexionPlateforme.organisation_id == bindparam("organisation_id"))
    )


# Its own 212 may have followed an invoice of which the platform has said nothing yet.
_heard = exists().where(
    TransmissionStatut.facture_id == Transmission.facture_id,
    TransmissionStatut.code.is_not(None),
    TransmissionStatut.origine != SERVICE,
)
_INVOICES: Final = {
    of_environment: select(Transmission)
    .join(Facture, Facture.id == Transmission.facture_id)
    .where(
        or_(*(Facture.statut_transmission == one for one in _SENT)),
        ~_heard,
        Transmission.flow_id.is_not(None),
        Transmission.deposee_le > bindparam("since", type_=Transmission.deposee_le.type),
        _of_account(of_environment=of_environment),
    )
    .order_by(Transmission.deposee_le)
    .limit(_BATCH)
    for of_environment in (False, True)
}
_CYCLES: Final = {
    of_environment: select(CycleSortant)
    .join(Facture, Facture.id == CycleSortant.facture_id)
    .where(
        CycleSortant.statut == ENVOYE,
        CycleSortant.flow_id.is_not(None),
        CycleSortant.envoye_le > bindparam("since", type_=CycleSortant.envoye_le.type),
        _of_account(of_environment=of_environment),
    )
    .order_by(CycleSortant.envoye_le)
    .limit(_BATCH)
    for of_environment in (False, True)
}


async def read(
    app: App[Any], port: InvoiceTransmission, of: Mapping[str, str], *, of_environment: bool
) -> None:
    """Ask *port* for the end of every file of the account *of* that has none.

    Raises Tardive, NonAutorisee, Refusee.
    """
    reader, since = app.database.read(), clock.now() - _WHILE
    for way in await reader.all(_INVOICES[of_environment], since=since, **of):
        told = await _told(port, way.tracking_id)
        if told is not None and told.etat == "Error":
            await _irrecevable(app.database, way, told)
    for cycle in await reader.all(_CYCLES[of_environment], since=since, **of):
        told = await _told(port, str(cycle.id))
        if told is not None and told.etat != "Pending":
            await _ended(app.database, cycle, told)


async def _told(port: InvoiceTransmission, tracking_id: str) -> Acquittement | None:
    found, _ = await port.chercher(tracking_id=tracking_id)
    return found[0].acquittement if found else None


async def _irrecevable(database: Database, way: Transmission, told: Acquittement) -> None:
    """Note that the platform could not read an invoice, unless something else was heard meanwhile."""
    async with database.transaction() as tx:
        facture = await tx.get(Facture, way.facture_id, lock=True)
        assert facture is not None, "what was issued stays"
        if facture.statut_transmission not in _SENT:
            return
        statut = Statut(
            code=CODE_IRRECEVABLE,
            date=clock.now(),
            origine=PLATEFORME,
            motif_code=told.code,
            texte=told.texte,
            flow_id=way.flow_id or "",
        )
        await historique.record(tx, facture, statut)


async def _ended(database: Database, cycle: CycleSortant, told: Acquittement) -> None:
    if told.etat == "Error":
        facture = await database.read().get(Facture, cycle.facture_id)
        assert facture is not None, "what was issued stays"
        await cycles.refused(database, facture, cycle, told.code, told.texte)
        return
    async with database.transaction() as tx:
        current = await tx.get(CycleSortant, cycle.id, lock=True)
        assert current is not None, "it is never removed"
        await tx.update(current, statut=ACCEPTE)
