"""The job that hands invoices to the platforms of their sociétés (R36).

An attempt is counted before it is made: one whose end is not known is looked for on the platform
before it is made again. Nothing is ever given up.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from db_utils import Database, Reader, clock, due_rows, failpoint, take_due
from service_kit import App, Worker
from sqlalchemy import exists

from service_factures import arrivees, essais
from service_factures.document_models import FactureDocument
from service_factures.models import Facture
from service_factures.ports import port_of
from service_factures.settings import FacturesSettings
from service_factures.traitements import B2B
from service_factures.transmission import (
    FlowInfo,
    InvoiceTransmission,
    NonAutorisee,
    Refusee,
    Tardive,
)
from service_factures.transmission_models import Transmission

_BATCH = 20
_log = logging.getLogger(__name__)
# What waits for its document (R12, R30) is not due; what has been sent has no next attempt.
_DUE = due_rows(
    Transmission,
    exists().where(FactureDocument.facture_id == Transmission.facture_id),
    limit=_BATCH,
)


@dataclass(frozen=True, slots=True)
class Envoi:
    """An attempt to send an invoice: *way* as it was when the attempt began."""

    facture: Facture
    way: Transmission
    document: FactureDocument

    @property
    def flow_info(self) -> FlowInfo:
        """What the platform is told of it."""
        return FlowInfo(
            tracking_id=self.way.tracking_id,
            name=f"{self.facture.numero}.pdf",
            processing_rule="B2B" if self.facture.traitement == B2B else "B2BInt",
            flow_syntax="Factur-X",
            flow_profile="CIUS",
            sha256=self.document.sha256,
        )


async def send_invoices(app: App[FacturesSettings]) -> None:
    """Hand over every invoice that is due, some at a time."""
    while due := await take(app.database):
        for way, error in await essais.made(due, partial(_send, app)):
            told = "invoice %s cannot be sent, attempt %d"
            _log.error(told, way.facture_id, way.tentatives, exc_info=error)


async def take(database: Database) -> list[Transmission]:
    """Take some that are due, each with its attempt counted."""
    async with database.transaction() as tx:
        return await take_due(tx, _DUE, (essais.LEASE,))


async def envoi_of(reader: Reader, way: Transmission) -> Envoi:
    """The attempt to send the invoice of *way*."""
    facture = await reader.get(Facture, way.facture_id)
    document = await reader.get(FactureDocument, way.facture_id)
    assert facture is not None, "the database holds on to it"
    assert document is not None, "it is never removed"
    return Envoi(facture, way, document)


async def _send(app: App[FacturesSettings], way: Transmission) -> None:
    envoi = await envoi_of(app.database.read(), way)
    port = await port_of(app, envoi.facture.organisation_id, envoi.facture.societe_id)
    if port is None:
        until = clock.now() + essais.NO_PORT
        await arrivees.waits(app.database, way, until, "no folder, no account", tried=False)
    else:
        await hand_over(app.database, port, envoi)


async def hand_over(database: Database, port: InvoiceTransmission, envoi: Envoi) -> None:
    """Make the attempt *envoi* through *port*, and note what became of it."""
    way = envoi.way
    try:
        flux = await essais.deposited(port, envoi.document.pdf, envoi.flow_info, way.tentatives)
    except Tardive as error:
        until = essais.next_attempt(way.tentatives, error.attendre)
        await arrivees.waits(database, way, until, str(error))
    except NonAutorisee as error:
        await arrivees.locked_out(database, envoi.facture, way, clock.now() + essais.LONGEST, str(error))
    except Refusee as error:
        await arrivees.refused(database, way, error)
    else:
        failpoint("transmission.before_noted")
        await arrivees.sent(database, way, flux, envoi.document.sha256)


ENVOIS: Final = Worker("transmissions", send_invoices, every=timedelta(minutes=1))
