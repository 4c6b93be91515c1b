"""Names below mails: the société in whose name the system's templates write (R28)."""

import asyncio
import html
import logging
from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

import grpc
from crm.factures.factures_pb2 import GetFactureSettingsRequest
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub
from crm.organisations.organisations_pb2 import GetOrganisationRequest, GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import Scope, parse_uuid, within
from grpc_utils import Peers, answered_or_none, reason_of
from grpc_utils.errors import Refusal

from service_email.modeles import Rendu
from service_email.models import Modele

_ANONYMOUS: Final = "Votre conseiller"
_log = logging.getLogger(__name__)


async def signature_of(peers: Peers, organisation_id: str, societe_id: str) -> str:
    """The name of the société, "" when nobody tells it; "" for *societe_id* is the default one.

    A mail in time is worth more than the name below it: refusals are logged and never raised.
    """
    with within(Scope(organisation_id)):
        named = await asyncio.gather(
            _told(_on_invoices(peers, organisation_id, societe_id)),
            _told(_registered(peers, organisation_id, societe_id)),
        )
    return next((" ".join(name.split()) for name in named if name), "")


def signed(rendu: Rendu, modele: Modele, name: str) -> Rendu:
    """The mail with *name* below it, where the system's template signs without one."""
    if modele.organisation_id is not None or not name:
        return rendu
    texte = None if rendu.texte is None else _replaced(rendu.texte, name)
    return replace(rendu, html=_replaced(rendu.html, html.escape(name)), texte=texte)


def _replaced(body: str, name: str) -> str:
    """*body* with *name* in the place of its signature, which is the last of its kind."""
    before, found, after = body.rpartition(_ANONYMOUS)
    return f"{before}{name}{after}" if found else body


async def _told(asked: Awaitable[str]) -> str:
    try:
        return await asked
    except (Refusal, grpc.aio.AioRpcError) as error:
        _log.warning("a mail is signed without the name of its société: %s", reason_of(error))
        return ""


async def _on_invoices(peers: Peers, organisation_id: str, societe_id: str) -> str:
    """The name that stands on the invoices of the société."""
    wanted = GetFactureSettingsRequest(organisation_id=organisation_id, societe_id=societe_id)
    settings = await answered_or_none(peers.stub(FactureSettingsServiceStub).Get(wanted))
    return settings.company_name if settings else ""


async def _registered(peers: Peers, organisation_id: str, societe_id: str) -> str:
    """The name that organisations knows; it has none for an id that is not of our making (C2)."""
    if parse_uuid(societe_id or organisation_id) is None:
        return ""
    if societe_id:
        societes = peers.stub(SocieteServiceStub)
        societe = await answered_or_none(societes.Get(GetSocieteRequest(id=societe_id)))
        return societe.raison_sociale if societe else ""
    organisations = peers.stub(OrganisationServiceStub)
    organisation = await answered_or_none(organisations.Get(GetOrganisationRequest(id=organisation_id)))
    return organisation.nom if organisation and not organisation.provisoire else ""
