"""Tasks that hand an invoice over to legal proceedings, after its last reminder (R20)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm.activites.activites_pb2 import CreateTacheRequest
from crm.clients.clients_pb2 import ClientBase
from crm.factures.factures_pb2 import Facture
from db_utils import Transaction, clock, parse_uuid
from grpc_utils import timestamp
from service_kit import App
from service_kit.outgoing import Command, queue

from service_relance import renseignements, rules
from service_relance.calendrier import eligible, plus_business_days
from service_relance.canaux import create_tache
from service_relance.decisions import Group
from service_relance.models import EXECUTEE, LITIGE, RegleRelance, Relance
from service_relance.textes_contentieux import texte

TACHE_CONTENTIEUX: Final = Command(
    "contentieux", CreateTacheRequest, send=create_tache, libelle="Tâche de transmission au contentieux"
)


@dataclass(frozen=True, slots=True)
class Transmission:
    """Task that is owed from *not_before* on, an hour of work (R10)."""

    request: CreateTacheRequest
    not_before: datetime


async def hand_over(tx: Transaction, transmission: Transmission) -> None:
    """Owe the task, one per invoice."""
    request = transmission.request
    await queue(
        tx,
        TACHE_CONTENTIEUX,
        request,
        key=request.cle_idempotence,
        organisation_id=request.organisation_id,
        not_before=transmission.not_before,
    )


async def transmission_of(app: App[Any], levels: Sequence[Relance]) -> Transmission | None:
    """The task about the invoice of *levels*; None when nobody was reminded, or nothing is owed.

    *levels* are all its reminders, the last level last. A disputed invoice, and one whose client is gone,
    is left alone. Raises Unavailable, AioRpcError.
    """
    executed = [one for one in levels if one.statut == EXECUTEE]
    if not executed or any(one.motif == LITIGE for one in levels):
        return None
    last = executed[-1]
    facture = await renseignements.facture_of(app, last.facture_id)
    client = await renseignements.client_of(app, last.client_id)
    if (facture is not None and rules.is_settled(facture)) or (client is None and parse_uuid(last.client_id)):
        return None
    return await _transmission(app, last, levels, client, facture)


async def _transmission(
    app: App[Any],
    last: Relance,
    levels: Sequence[Relance],
    client: ClientBase | None,
    facture: Facture | None,
) -> Transmission:
    opening = rules.next_opening(clock.now())
    day = (await eligible(app, last.societe_id, opening.date())).date
    due = (await plus_business_days(app, last.societe_id, day, rules.DAYS_FOR_A_TASK)).date
    regle = await app.database.read().get(RegleRelance, last.regle_id)
    known = {facture.id: facture} if facture else {}
    owed = renseignements.factures_due(Group((last,)), client, known, levels, day)
    nom = renseignements.name_of(client, last.client_id)
    titre, corps = texte(nom, client.telephone if client else "", owed[0])
    request = CreateTacheRequest(
        organisation_id=last.organisation_id,
        titre=titre,
        description=corps,
        type="relance",
        priorite="haute",
        date_echeance=timestamp(rules.closing_on(due)),
        assigne_a=await renseignements.assignee_of(app, regle, client),
        client_id=last.client_id,
        contrat_id=last.contrat_id or "",
        facture_id=last.facture_id or "",
        regle_relance_id=str(last.regle_id),
        cle_idempotence=f"contentieux:{last.facture_id}",
    )
    return Transmission(request, rules.opening_on(day) if day > opening.date() else opening)
