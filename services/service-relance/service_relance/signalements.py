"""What another service has found out about an invoice, once under its key (R20).

The lowest level that is planned still is brought forward; when none is left, `contentieux.py` has
somebody take legal steps.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from crm.relance import relance_pb2 as pb
from db_utils import Transaction, clock
from grpc_utils import at_most, content_hash, free_structure, insert_once, one_of, opaque_id, required
from grpc_utils.errors import ConflitDEcriture
from service_kit import App
from sqlalchemy import Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance import contentieux, rules
from service_relance.calendrier import eligible
from service_relance.models import IMPAYE, PLANIFIEE, RETRY_EPUISE, Relance, Signalement
from service_relance.relances import OF_FACTURE
from service_relance.rules import Jour

_log = logging.getLogger(__name__)

_LONGEST_KEY: Final = 128
_LEVELS = (
    select(Relance)
    .where(Relance.facture_id == bindparam("facture_id"), Relance.declencheur == IMPAYE)
    .order_by(Relance.niveau, Relance.id)
)
_THESE = (
    select(Relance).where(Relance.id == any_(bindparam("ids", type_=ARRAY(Uuid)))).order_by(Relance.niveau)
)


def new_signalement(request: pb.ProcessEventRequest) -> Signalement:
    """What *request* tells. Raises ChampRequis, ValeurInconnue, FormatInvalide, TropLong."""
    return Signalement(
        organisation_id=request.organisation_id,
        cle_idempotence=required(at_most(request.cle, _LONGEST_KEY, "cle"), "cle"),
        contenu_hash=content_hash(request),
        declencheur=one_of(request.declencheur, (IMPAYE,), "declencheur"),
        motif=one_of(request.motif, (RETRY_EPUISE,), "motif"),
        client_id=opaque_id(required(request.client_id, "client_id"), "client_id") or "",
        facture_id=opaque_id(required(request.facture_id, "facture_id"), "facture_id") or "",
        contrat_id=opaque_id(request.contrat_id, "contrat_id"),
        metadata_=free_structure(request.metadata, "metadata"),
    )


async def report(app: App[Any], signalement: Signalement) -> Sequence[Relance]:
    """Do what *signalement* asks for, once per key; the reminders that it has brought forward.

    Raises CleIdempotenceReutilisee, ConflitDEcriture when a level has ended meanwhile, and Unavailable
    or AioRpcError while somebody is silent whose answer a task needs.
    """
    levels = await app.database.read().all(_LEVELS, facture_id=signalement.facture_id)
    waiting = [one for one in levels if one.statut == PLANIFIEE]
    jour = await _next_day(app, waiting[0].societe_id) if waiting else None
    transmission = None if waiting else await contentieux.transmission_of(app, levels)
    async with app.database.transaction() as tx:
        stored = await insert_once(tx, signalement)
        if stored is signalement:
            if jour is not None:
                await _bring_forward(tx, signalement, jour)
            elif transmission is not None:
                await contentieux.hand_over(tx, transmission)
        return await tx.all(_THESE, ids=stored.relance_ids)


async def _next_day(app: App[Any], societe_id: str) -> Jour:
    """The day of the next hour in which reminders are carried out (R10)."""
    return await eligible(app, societe_id, rules.next_opening(clock.now()).date())


async def _bring_forward(tx: Transaction, signalement: Signalement, jour: Jour) -> None:
    """Plan the lowest level that is planned still for *jour*, unless it is due before."""
    levels = await tx.all(OF_FACTURE, facture_id=signalement.facture_id)
    planned = sorted((one for one in levels if one.declencheur == IMPAYE), key=lambda one: one.niveau)
    if not planned:  # what remains is another matter, which was not asked for
        raise ConflitDEcriture
    first = planned[0]
    if jour.date < first.date_prevue:
        await tx.update(first, date_prevue=jour.date, a_recalculer=jour.a_recalculer, motif=signalement.motif)
    await tx.update(signalement, relance_ids=[first.id])
    _log.info("reminder %s is brought forward: %s", first.id, signalement.motif)
