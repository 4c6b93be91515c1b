"""Part of the daily job that plans the reminders about clients without activity (R24)."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

from crm.activites.activites_pb2 import ListActivitesRequest
from crm.activites.activites_pb2_grpc import ActiviteServiceStub
from crm.clients.clients_pb2 import ClientBase, ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock
from grpc_utils import all_pages, instant
from service_kit import App

from service_relance.calendrier import eligible_days
from service_relance.models import INACTIVITE_CLIENT, RegleRelance
from service_relance.planification import active_rules, insert_planned, unknown_keys
from service_relance.quotidien_rules import inactivity, inactivity_key, is_inactive, last_day
from service_relance.regles_rules import in_force

_SIDE_BY_SIDE = 8  # questions about clients


async def plan_inactive(app: App[Any]) -> None:
    """Plan for the active clients of the organisation of the scope. Raises Unavailable, AioRpcError."""
    regles = await active_rules(app, INACTIVITE_CLIENT)
    clients = app.peers.stub(ClientBaseServiceStub)
    async for page in all_pages(clients.List, ListClientBasesRequest(statut="ACTIF")):
        last_days = await _last_days(app, page.clients)
        for regle in regles:
            of_rule = [
                client
                for client in page.clients
                if regle in in_force(regles, client.societe_id)
                and is_inactive(regle, last_days[client.id], clock.today())
            ]
            await _plan(app, regle, {client.id: client for client in of_rule}, last_days)


async def _last_days(app: App[Any], clients: Sequence[ClientBase]) -> dict[str, date]:
    """Day of the last activity of each of *clients*, asked side by side."""
    activites, slots = app.peers.stub(ActiviteServiceStub), asyncio.Semaphore(_SIDE_BY_SIDE)

    async def asked(client: ClientBase) -> date:
        request = ListActivitesRequest(client_base_id=client.id, pagination=Pagination(page_size=1))
        async with slots:
            newest = (await activites.List(request)).activites
        return last_day(client, instant(newest[0].date_activite) if newest else None)

    days = await asyncio.gather(*map(asked, clients))
    return {client.id: day for client, day in zip(clients, days, strict=True)}


async def _plan(
    app: App[Any], regle: RegleRelance, clients: dict[str, ClientBase], last_days: dict[str, date]
) -> None:
    """Plan for those of *clients* for whose time without activity nothing is planned yet, at once."""
    keys = {inactivity_key(client_id, last_days[client_id]): client_id for client_id in clients}
    planned = []
    for key in await unknown_keys(app, list(keys)):
        client = clients[keys[key]]
        jours = await eligible_days(app, client.societe_id, [clock.today()])
        planned.append(inactivity(regle, client, last_days[client.id], jours[clock.today()]))
    await insert_planned(app, regle, planned)
