"""The job that fetches what platforms say of invoices, every ten minutes (R37).

What comes in through the account of one organisation concerns its own invoices alone. How far it was
read is kept page by page; what is read twice is noted once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction
from service_kit import App, Worker
from sqlalchemy import DateTime, String, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from service_factures import acquittements, arrivees, essais, historique, ports
from service_factures.models import Facture
from service_factures.plateforme_models import ConnexionPlateforme, CurseurFlux
from service_factures.transmission import Flux, InvoiceTransmission, NonAutorisee, Refusee, Tardive
from service_factures.transmission.cdar import CdarIllisible, StatutRecu, statuts
from service_factures.transmission_models import Transmission

_AT_ONCE = 8  # accounts: a platform that is slow holds up few others
_PAGES = 100  # of one account at a time: others wait meanwhile
_log = logging.getLogger(__name__)
_ACCOUNTS = select(ConnexionPlateforme.organisation_id, ConnexionPlateforme.societe_id)
_READ_UP_TO = select(CurseurFlux).where(
    CurseurFlux.organisation_id == bindparam("organisation_id"),
    CurseurFlux.societe_id == bindparam("societe_id"),
)
_columns = {
    "cursor": bindparam("cursor", type_=String),
    "updated_after": bindparam("updated_after", type_=DateTime(timezone=True)),
}
_KEEP = (
    insert(CurseurFlux)
    .values(
        organisation_id=bindparam("organisation_id", type_=String),
        societe_id=bindparam("societe_id", type_=String),
        **_columns,
    )
    .on_conflict_do_update(index_elements=["organisation_id", "societe_id"], set_=_columns)
)
_NAMED = select(Facture.id).where(
    Facture.numero == bindparam("numero"),
    Facture.vendeur_snapshot["siren"].astext == bindparam("siren"),
)
_OF_FLOW = select(Transmission.facture_id).where(Transmission.flow_id == bindparam("flow_id"))


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a société; that of the environment is of all that have none of their own."""

    organisation_id: str
    societe_id: str
    of_environment: bool = False


async def read_statuses(app: App[Any]) -> None:
    """Fetch what is new for every account, some at a time."""
    accounts = await _accounts(app)
    for first in range(0, len(accounts), _AT_ONCE):
        some = accounts[first : first + _AT_ONCE]
        for account, error in await essais.made(some, partial(read_account, app)):
            _log.error("the statuses of %s cannot be read", account, exc_info=error)


async def _accounts(app: App[Any]) -> list[Account]:
    saved = [Account(*of) for of in await app.database.read().all(_ACCOUNTS)]
    if ports.environment_compte(app.settings) is None:
        return saved
    common = Account(app.settings.default_organisation_id, "", of_environment=True)
    return saved if Account(common.organisation_id, "") in saved else [*saved, common]


async def read_account(app: App[Any], account: Account) -> None:
    """Fetch what is new for *account*; what fails is read again the next time."""
    port = await ports.port_of(app, account.organisation_id, account.societe_id)
    if port is None:  # it was taken away meanwhile
        return
    of = {"organisation_id": account.organisation_id, "societe_id": account.societe_id}
    try:
        await _incoming(app, port, of)
        await acquittements.read(app, port, of, of_environment=account.of_environment)
    except (Tardive, Refusee) as error:
        _log.warning("the statuses of %s wait: %s", account, error)
    except NonAutorisee as error:
        _log.warning("the statuses of %s are refused: %s", account, error)
        await arrivees.tell_locked_out(app.database, **of)


async def _incoming(app: App[Any], port: InvoiceTransmission, of: dict[str, str]) -> None:
    known = await app.database.read().one(_READ_UP_TO, **of)
    cursor, since = (known.cursor, known.updated_after) if known else ("", None)
    newest = since
    for _ in range(_PAGES):
        found, following = await _page(port, cursor, since)
        for flux in found:
            await _hear(app, port, flux)
        newest = max(filter(None, (newest, *(one.modifie_le for one in found))), default=None)
        last = not found or following in ("", cursor)
        # Pages are in no known order: what follows may be older, until all of them were read.
        await _keep(app, following, newest if last else since, of)
        if last:
            return
        cursor = following


async def _page(port: InvoiceTransmission, cursor: str, since: datetime | None) -> tuple[Sequence[Flux], str]:
    """A page; from the last change on when the platform no longer knows the cursor."""
    try:
        return await port.chercher(cursor, depuis=since)
    except Refusee as error:
        if not cursor:
            raise
        _log.warning("a cursor is refused, what has changed since %s is read again: %s", since, error)
        return await port.chercher(depuis=since)


async def _keep(app: App[Any], cursor: str, since: datetime | None, of: dict[str, str]) -> None:
    async with app.database.transaction() as tx:
        await tx.execute(_KEEP, cursor=cursor, updated_after=since, **of)


async def _hear(app: App[Any], port: InvoiceTransmission, flux: Flux) -> None:
    """Note what *flux* says of invoices; what says nothing of one of ours is logged and left."""
    try:
        told = statuts(await port.telecharger(flux.flow_id))
    except (CdarIllisible, Refusee) as error:
        _log.warning("flow %s is no status: %s", flux.flow_id, error)
        return
    for one in told:
        async with app.database.transaction() as tx:
            facture = await _found(tx, one, flux)
            if facture is not None:
                await historique.record(tx, facture, replace(one.statut, flow_id=flux.flow_id))


async def _found(tx: Transaction, told: StatutRecu, flux: Flux) -> Facture | None:
    """The invoice that *told* is about, locked: by number and seller, else by the flow it left in.

    Numbers are not unique: each société of each organisation has its first one.
    """
    ids: Sequence[UUID] = ()
    if told.siren:
        ids = await tx.all(_NAMED, numero=told.numero, siren=told.siren)
    if not ids:
        ids = await tx.all(_OF_FLOW, flow_id=flux.flow_id)
    if len(ids) != 1:
        _log.warning("flow %s is about %d invoices of ours", flux.flow_id, len(ids))
        return None
    return await tx.get(Facture, ids[0], lock=True)


RELEVE: Final = Worker("releve_plateformes", read_statuses, every=timedelta(minutes=10))
