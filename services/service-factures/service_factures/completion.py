"""The job that completes the parties of invoices that were issued without them (R12)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import Scope, Transaction, within
from service_kit import App, Worker
from sqlalchemy import Boolean, bindparam, literal_column, select

from service_factures import audit, identite, lookups, suites, traitements
from service_factures.avoirs import PARTIES
from service_factures.identite import MISSING
from service_factures.lecture import TVA
from service_factures.lookups import ClientInconnu, Entendu, SocieteInconnue
from service_factures.models import A_COMPLETER, A_COMPLETER_KNOWN, COMPLETE, Facture
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
    """What others tell of the parties now, None for a client or a société that was deleted."""
    try:
        return await lookups.parties(
            app.peers,
            app.database.read(),
            facture.organisation_id,
            facture.client_id,
            None,
            facture.societe_id,
        )
    except (ClientInconnu, SocieteInconnue):
        return None


async def _complete(app: App[Any], facture_id: UUID, entendu: Entendu) -> None:
    async with app.database.transaction() as tx:
        facture = await tx.get(Facture, facture_id, lock=True)
        if facture is None or facture.identite_statut != A_COMPLETER:
            return
        columns = await _columns(tx, facture, entendu)
        former, version = audit.state(facture), facture.version
        await tx.update(facture, **columns)
        if facture.version != version:
            await audit.note(tx, facture, audit.IDENTITE, avant=former, acteur=audit.SYSTEME)
        await suites.owe(tx, facture)


async def _columns(tx: Transaction, facture: Facture, entendu: Entendu) -> dict[str, Any]:
    """What the parties as they are now settle of *facture*; an avoir waits for its origin's (R34)."""
    settings = await settings_of(tx, facture.organisation_id, facture.societe_id)
    assert facture.date_emission is not None  # it is issued
    if facture.facture_origine_id is not None:
        origine = await tx.get(Facture, facture.facture_origine_id)
        if origine is None or origine.identite_statut != COMPLETE:
            return {}
        taken = {name: getattr(origine, name) for name in PARTIES}
        return taken | traitements.of_avoir(origine, settings, facture.date_emission)
    categories = {part.categorie for part in await tx.all(TVA, facture_id=facture.id)}
    parties = identite.identite(settings, entendu, facture.mode_paiement, categories)
    others = [one for one in facture.avertissements if one not in MISSING]
    columns = parties.columns(others)
    if parties.particulier:  # no late-payment rate is told to a person (R14)
        columns |= {"taux_penalites": None, "indemnite_recouvrement": None}
    return columns | traitements.columns(facture, parties, categories, settings, facture.date_emission)


COMPLETION: Final = Worker("completer_identites", complete_identities, every=timedelta(minutes=5))
