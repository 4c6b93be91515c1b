"""What clients, contrats and organisations tell of the parties of an invoice (R10, R11, R12).

Each call has two seconds, and no more than two follow each other: an issue waits four seconds at most.
A service that is silent leaves a gap that the identity job fills later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import grpc
from crm.clients.clients_pb2 import (
    ClientBase,
    ClientEntreprise,
    GetClientBaseRequest,
    GetClientEntrepriseRequest,
)
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, ClientEntrepriseServiceStub
from crm.contrats.contrats_pb2 import Contrat, GetContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.organisations.organisations_pb2 import GetOrganisationRequest, GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import Reader, parse_uuid
from grpc_utils import Peers, answered_or_none
from grpc_utils.errors import FailedPrecondition, Unavailable

from service_factures.societes import FactureSettings, settings_of

_log = logging.getLogger(__name__)
T = TypeVar("T")
_SIREN_DIGITS = 9
_ASKED = ("company_name", "company_address", "siren", "email")


class ClientInconnu(FailedPrecondition):
    """Ce client n'existe pas dans votre organisation."""


class SocieteInconnue(FailedPrecondition):
    """Cette société n'existe pas dans votre organisation."""


@dataclass(frozen=True, slots=True)
class Entendu:
    """What others have told: None and {} where they did not, do not know, or were not asked.

    *settings* are those of the société that the invoice is of; *vendeur* has the same names.
    """

    settings: FactureSettings
    client: ClientBase | None
    entreprise: ClientEntreprise | None
    vendeur: Mapping[str, str]


async def parties(
    peers: Peers,
    reader: Reader,
    organisation_id: str,
    client_id: str,
    contrat_id: str | None,
    societe_id: str | None,
) -> Entendu:
    """Ask for the parties of an invoice; *societe_id* is None when it is left open (R11).

    Organisations is asked only for what the settings of the société lack. Raises ClientInconnu,
    SocieteInconnue.
    """
    client, contrat = await asyncio.gather(
        client_of(peers, client_id),
        _contrat(peers, contrat_id if societe_id is None else None),
    )
    settings = await settings_of(reader, organisation_id, _societe(societe_id, contrat, client))
    entreprise, vendeur = await asyncio.gather(_entreprise(peers, client), _vendeur(peers, settings))
    return Entendu(settings, client, entreprise, vendeur)


def _societe(asked: str | None, contrat: Contrat | None, client: ClientBase | None) -> str:
    """The société of an invoice: the request's, the contract's, the client's, the default one (R11)."""
    if asked is not None:
        return asked
    if contrat is not None:
        return contrat.societe_id
    return client.societe_id if client is not None else ""


async def client_of(peers: Peers, client_id: str) -> ClientBase | None:
    """The client, None for one of another system and while clients is away. Raises ClientInconnu."""
    if parse_uuid(client_id) is None:
        return None
    answered, client = await _heard(peers.stub(ClientBaseServiceStub).Get(GetClientBaseRequest(id=client_id)))
    if answered and client is None:
        raise ClientInconnu(champ="client_id")
    return client


async def _entreprise(peers: Peers, client: ClientBase | None) -> ClientEntreprise | None:
    if client is None or not client.client_entreprise_id:
        return None
    request = GetClientEntrepriseRequest(id=client.client_entreprise_id)
    return (await _heard(peers.stub(ClientEntrepriseServiceStub).Get(request)))[1]


async def _contrat(peers: Peers, contrat_id: str | None) -> Contrat | None:
    if contrat_id is None or parse_uuid(contrat_id) is None:
        return None
    return (await _heard(peers.stub(ContratServiceStub).Get(GetContratRequest(id=contrat_id))))[1]


async def _vendeur(peers: Peers, settings: FactureSettings) -> dict[str, str]:
    """What organisations tells of the seller: its société, or the organisation for the default one.

    Raises SocieteInconnue for a société that neither organisations nor its settings know.
    """
    societe_id = settings.societe_id
    if all(getattr(settings, name) for name in _ASKED) and (settings.tva_intracom or settings.franchise_tva):
        return {}
    if not societe_id:
        request = GetOrganisationRequest(id=settings.organisation_id)
        _, told = await _heard(peers.stub(OrganisationServiceStub).Get(request))
        if told is None:
            return {}
        siren = told.siret[:_SIREN_DIGITS]
        return {
            "company_name": "" if told.provisoire else told.nom,
            "siren": siren,
            "siret": told.siret,
            "company_address": told.adresse,
            "email": told.email,
        }
    if parse_uuid(societe_id) is None:
        return {}
    answered, societe = await _heard(peers.stub(SocieteServiceStub).Get(GetSocieteRequest(id=societe_id)))
    if societe is None:
        if answered and not settings.company_name:
            raise SocieteInconnue(champ="societe_id")
        return {}
    return {
        "company_name": societe.raison_sociale,
        "siren": societe.siren,
        "tva_intracom": societe.numero_tva,
        "company_address": societe.adresse,
        "email": societe.email,
    }


async def _heard(call: Awaitable[T]) -> tuple[bool, T | None]:
    """Whether *call* was answered, and its answer, None for NOT_FOUND."""
    try:
        return True, await answered_or_none(call)
    except Unavailable as error:
        _log.warning("an invoice goes on without %s", error.metadata.get("service"))
    except grpc.aio.AioRpcError as error:
        _log.warning("an invoice goes on without an answer: %s", error.code().name)
    return False, None
