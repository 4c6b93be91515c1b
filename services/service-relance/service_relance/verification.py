"""Checks before a reminder is carried out (R11): whether the client exists and the invoice is owed.

No event tells this service that a client was deleted or an invoice credited, so it asks.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.factures.factures_pb2 import Facture, GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import parse_uuid
from grpc_utils import answered_or_none
from grpc_utils.errors import Unavailable
from service_kit import App

from service_relance import rules
from service_relance.models import CLIENT_SUPPRIME, IMPAYE, REGLEE, REJET_PRELEVEMENT, Relance

_log = logging.getLogger(__name__)

SILENT: Final = (Unavailable, grpc.aio.AioRpcError)  # of a callee that cannot tell now
CLIENTS_MUET, FACTURES_MUET = "CLIENTS_INDISPONIBLE", "FACTURES_INDISPONIBLE"  # motifs to wait
FACTURE_INCONNUE = "FACTURE_INCONNUE"
_ABOUT_INVOICES = (IMPAYE, REJET_PRELEVEMENT)


@dataclass(slots=True)
class Verdict:
    """What the reminders of one client that are due come to.

    *client* is None where its id is not of our making; *factures* are the invoices that factures knows.
    """

    client: ClientBase | None = None
    factures: Mapping[str, Facture] = field(default_factory=dict)
    ready: list[Relance] = field(default_factory=list)
    ignored: list[tuple[Relance, str]] = field(default_factory=list)
    waiting: list[tuple[Relance, str]] = field(default_factory=list)


async def verified(app: App[Any], client_id: str, due: Sequence[Relance]) -> Verdict:
    """Ask clients about *client_id*, then factures about the invoices of *due* (R11)."""
    verdict = Verdict()
    if parse_uuid(client_id):  # other ids are not of our making (C2)
        get = app.peers.stub(ClientBaseServiceStub).Get
        try:
            verdict.client = await answered_or_none(get(GetClientBaseRequest(id=client_id)))
        except SILENT as error:
            _log.warning("reminders of client %s wait: %r", client_id, error)
            verdict.waiting = [(relance, CLIENTS_MUET) for relance in due]
            return verdict
        if verdict.client is None:
            verdict.ignored = [(relance, CLIENT_SUPPRIME) for relance in due]
            return verdict
    await _ask_factures(app, due, verdict)
    return verdict


async def _ask_factures(app: App[Any], due: Sequence[Relance], verdict: Verdict) -> None:
    asked = {one.facture_id for one in due if one.declencheur in _ABOUT_INVOICES and one.facture_id}
    ours = [facture_id for facture_id in sorted(asked) if parse_uuid(facture_id)]
    answers = await asyncio.gather(*(_answer(app, facture_id) for facture_id in ours))
    said = dict(zip(ours, answers, strict=True))
    verdict.factures = {facture_id: said for facture_id, said in said.items() if isinstance(said, Facture)}
    for relance in due:
        answer = said.get(relance.facture_id or "")
        if isinstance(answer, str):
            verdict.waiting.append((relance, answer))
        elif answer is not None and rules.is_settled(answer):
            verdict.ignored.append((relance, REGLEE))
        else:
            verdict.ready.append(relance)


async def _answer(app: App[Any], facture_id: str) -> Facture | str:
    """The invoice, or why its reminders wait."""
    get = app.peers.stub(InvoiceServiceStub).Get
    try:
        facture = await answered_or_none(get(GetFactureRequest(id=facture_id)))
    except SILENT as error:
        _log.warning("reminders about invoice %s wait: %r", facture_id, error)
        return FACTURES_MUET
    if facture is None:
        _log.warning("reminders about invoice %s wait: factures does not know it", facture_id)
        return FACTURE_INCONNUE
    return facture


def invoices_of(relances: Iterable[Relance]) -> list[str]:
    """Ids of the invoices of *relances*."""
    return sorted({one.facture_id for one in relances if one.facture_id})
