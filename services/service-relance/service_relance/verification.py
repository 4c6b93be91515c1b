"""Checks before a reminder is carried out (R11): whether the client exists and the invoice is owed.

No event tells this service that a client was deleted or an invoice credited, so it asks.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from crm.clients.clients_pb2 import ClientBase
from crm.factures.factures_pb2 import Facture
from db_utils import parse_uuid
from grpc_utils.errors import Unavailable
from service_kit import App

from service_relance import rules
from service_relance.models import CLIENT_SUPPRIME, IMPAYE, REGLEE, REJET_PRELEVEMENT, Relance
from service_relance.renseignements import client_of, facture_of

_log = logging.getLogger(__name__)

SILENT: Final = (Unavailable, grpc.aio.AioRpcError)  # of a callee that cannot tell now
CLIENTS_MUET, FACTURES_MUET = "CLIENTS_INDISPONIBLE", "FACTURES_INDISPONIBLE"  # motifs to wait
FACTURE_INCONNUE = "FACTURE_INCONNUE"
_ABOUT_INVOICES = (IMPAYE, REJET_PRELEVEMENT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the reminders of one client that are due come to.

    *client* is None where its id is not of our making; *factures* are the invoices that factures knows.
    Those *ignored* and *waiting* each have their motif.
    """

    client: ClientBase | None = None
    factures: Mapping[str, Facture] = field(default_factory=dict)
    ready: Sequence[Relance] = ()
    ignored: Sequence[tuple[Relance, str]] = ()
    waiting: Sequence[tuple[Relance, str]] = ()


async def verified(app: App[Any], client_id: str, due: Sequence[Relance]) -> Verdict:
    """Ask clients about *client_id*, then factures about the invoices of *due* (R11)."""
    client = None
    if parse_uuid(client_id):  # other ids are not of our making (C2)
        try:
            client = await client_of(app, client_id)
        except SILENT as error:
            _log.warning("reminders of client %s wait: %r", client_id, error)
            return Verdict(waiting=[(relance, CLIENTS_MUET) for relance in due])
        if client is None:
            return Verdict(ignored=[(relance, CLIENT_SUPPRIME) for relance in due])
    return _judged(client, due, await _ask_factures(app, due))


def _judged(client: ClientBase | None, due: Sequence[Relance], said: Mapping[str, Facture | str]) -> Verdict:
    ready, ignored, waiting = list[Relance](), list[tuple[Relance, str]](), list[tuple[Relance, str]]()
    for relance in due:
        answer = said.get(relance.facture_id or "")
        if isinstance(answer, str):
            waiting.append((relance, answer))
        elif answer is not None and rules.is_settled(answer):
            ignored.append((relance, REGLEE))
        else:
            ready.append(relance)
    known = {facture_id: answer for facture_id, answer in said.items() if isinstance(answer, Facture)}
    return Verdict(client, known, ready, ignored, waiting)


async def _ask_factures(app: App[Any], due: Sequence[Relance]) -> Mapping[str, Facture | str]:
    """The invoices that *due* depend on, each or why its reminders wait."""
    asked = {one.facture_id for one in due if one.declencheur in _ABOUT_INVOICES and one.facture_id}
    ours = [facture_id for facture_id in sorted(asked) if parse_uuid(facture_id)]
    answers = await asyncio.gather(*(_answer(app, facture_id) for facture_id in ours))
    return dict(zip(ours, answers, strict=True))


async def _answer(app: App[Any], facture_id: str) -> Facture | str:
    """The invoice, or why its reminders wait."""
    try:
        facture = await facture_of(app, facture_id)
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
