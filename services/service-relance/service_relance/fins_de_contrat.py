"""Part of the daily job that plans the reminders about ends of contracts (R22)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from crm.contrats.contrats_pb2 import Contrat, ListContratsRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from db_utils import clock
from grpc_utils import all_pages
from service_kit import App

from service_relance.calendrier import eligible_days
from service_relance.models import RegleRelance
from service_relance.planification import active_rules, insert_planned, unknown_keys
from service_relance.quotidien_rules import (
    STATUTS,
    concerns,
    due_day,
    end_key,
    end_of_contract,
    fin_avant,
)


async def plan_ends(app: App[Any]) -> None:
    """Plan what is due about contracts of the organisation of the scope. Raises Unavailable, AioRpcError."""
    contrats, today = app.peers.stub(ContratServiceStub), clock.today()
    for declencheur, statut in STATUTS.items():
        regles = await active_rules(app, declencheur)
        for regle in regles:
            request = ListContratsRequest(
                societe_id=regle.societe_id, statut=statut, fin_avant=fin_avant(regle, today).isoformat()
            )
            async for page in all_pages(contrats.List, request):
                ending = [one for one in page.contrats if concerns(regle, one, regles)]
                await _plan(app, regle, ending, today)


async def _plan(app: App[Any], regle: RegleRelance, contrats: Sequence[Contrat], today: date) -> None:
    """Plan for those of *contrats* about whose end nothing is planned yet."""
    keys = await unknown_keys(app, [end_key(regle, contrat) for contrat in contrats])
    waiting = [contrat for contrat in contrats if end_key(regle, contrat) in keys]
    planned = []
    for societe_id in sorted({contrat.societe_id for contrat in waiting}):
        of_societe = [contrat for contrat in waiting if contrat.societe_id == societe_id]
        days = {contrat.id: max(due_day(regle, contrat), today) for contrat in of_societe}
        jours = await eligible_days(app, societe_id, days.values())
        planned += [end_of_contract(regle, contrat, jours[days[contrat.id]]) for contrat in of_societe]
    await insert_planned(app, regle, planned)
