"""The job that completes the parties of invoices that were issued without them (R12)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import Scope, within
from service_kit import App, Worker
from sqlalchemy import Boolean, bindparam, literal_column, select

from service_factures import audit, fabrication, identite, lookups
from service_factures.identite import MISSING
from service_factures.lecture import TVA
from service_factures.lookups import ClientInconnu, Entendu
from service_factures.models import A_COMPLETER, A_COMPLETER_KNOWN, Facture
from service_factures.societes import settings_of

_BATCH = 100
_FIRST = UUID(int=0)
_waiting = literal_column(A_COMPLETER_KNOWN, type_=Boolean)
_ORGANISATIONS = select(Facture.organisation_id).where(_waiting).distinct()
_NEXT = (
    select(Facture)
    .where(_waiting, Facture.id > bindparam("after", type_=Facture.id.type))
    .order_by(Facture.id)
    .limit(_BATCH)
)


async def complete_identities(app: App[Any]) -> None:
    """Freeze the parties of issued invoices as soon as all of them is known, organisation by organisation.

    Clients of other systems are known to nobody: their invoices are not looked at.
    """
    for organisation_id in await app.database.read().all(_ORGANISATIONS):
        with within(Scope(organisation_id)):
            await _complete_all(app)


async def _complete_all(app: App[Any]) -> None:
    heard: dict[tuple[str, str], Entendu | None] = {}
    after = _FIRST
    while factures := await _next(app, after):
        for facture in factures:
            key = facture.client_id, facture.societe_id
            if key not in heard:
                heard[key] = await _asked(app, facture)
            entendu = heard[key]
            if entendu is not None:
                await _complete(app, facture.id, entendu)
        after = factures[-1].id


async def _next(app: App[Any], after: UUID) -> Sequence[Facture]:
    return await app.database.read().all(_NEXT, after=after)


async def _asked(app: App[Any], facture: Facture) -> Entendu | None:
    """What others tell of the parties now, None for a client who was deleted."""
    try:
        return await lookups.parties(
            app.peers,
            app.database.read(),
            facture.organisation_id,
            facture.client_id,
            None,
            facture.societe_id,
        )
    except ClientInconnu:
        return None


async def _complete(app: App[Any], facture_id: UUID, entendu: Entendu) -> None:
    async with app.database.transaction() as tx:
        facture = await tx.get(Facture, facture_id, lock=True)
        if facture is None or facture.identite_statut != A_COMPLETER:
            return
        settings = await settings_of(tx, facture.organisation_id, facture.societe_id)
        categories = {part.categorie for part in await tx.all(TVA, facture_id=facture.id)}
        parties = identite.identite(settings, entendu, facture.mode_paiement, categories)
        others = [one for one in facture.avertissements if one not in MISSING]
        columns = parties.columns(others)
        if parties.particulier:  # no late-payment rate is told to a person (R14)
            columns |= {"taux_penalites": None, "indemnite_recouvrement": None}
        former, version = audit.state(facture), facture.version
        await tx.update(facture, **columns)
        if facture.version != version:
            await audit.note(tx, facture, audit.IDENTITE, avant=former, acteur=audit.SYSTEME)
        await fabrication.owe(tx, facture)


COMPLETION: Final = Worker("completer_identites", complete_identities, every=timedelta(minutes=5))
