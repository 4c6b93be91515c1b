"""Names that the files of a bordereau carry, asked from other services at best effort (R25)."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

import grpc
from crm.commerciaux.commerciaux_pb2 import GetApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.organisations.organisations_pb2 import GetOrganisationRequest, GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, answered_or_none
from grpc_utils.errors import Unavailable

from service_commission.bordereau_models import Bordereau

_log = logging.getLogger(__name__)
T = TypeVar("T")


async def names(peers: Peers, bordereau: Bordereau) -> tuple[str, str]:
    """The names of the société and of the beneficiary of *bordereau*; their ids where nobody tells them."""
    return await asyncio.gather(societe(peers, bordereau), _beneficiaire(peers, bordereau.beneficiaire_id))


async def societe(peers: Peers, bordereau: Bordereau) -> str:
    """The name of the société, of the organisation where it is the default one; else the id."""
    if parse_uuid(bordereau.societe_id):
        stub = peers.stub(SocieteServiceStub)
        found = await _told(stub.Get(GetSocieteRequest(id=bordereau.societe_id)))
        return (found.raison_sociale if found else "") or bordereau.societe_id
    if bordereau.societe_id:
        return bordereau.societe_id
    of = bordereau.organisation_id
    organisation = await _told(peers.stub(OrganisationServiceStub).Get(GetOrganisationRequest(id=of)))
    return organisation.nom if organisation and not organisation.provisoire else of


async def _beneficiaire(peers: Peers, beneficiaire_id: str) -> str:
    if parse_uuid(beneficiaire_id) is None:
        return beneficiaire_id
    found = await _told(peers.stub(ApporteurServiceStub).Get(GetApporteurRequest(id=beneficiaire_id)))
    return (f"{found.prenom} {found.nom}".strip() if found else "") or beneficiaire_id


async def _told(call: Awaitable[T]) -> T | None:
    """The answer to *call*; None when the callee does not know, or is away."""
    try:
        return await answered_or_none(call)
    except (grpc.aio.AioRpcError, Unavailable) as error:
        _log.warning("a bordereau names somebody by an id: %r", error)
        return None
