"""The parties of a contract as its archive shows them (R13), told by organisations and clients."""

import asyncio
import logging
from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import TypeVar

import grpc
from crm.clients.clients_pb2 import (
    Adresse,
    ClientBase,
    ClientEntreprise,
    GetClientBaseRequest,
    GetClientEntrepriseRequest,
)
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, ClientEntrepriseServiceStub
from crm.contrats.contrats_pb2 import Contrat
from crm.organisations.organisations_pb2 import GetOrganisationRequest, GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, answered_or_none
from grpc_utils.errors import DependanceIndisponible

_log = logging.getLogger(__name__)
T = TypeVar("T")
_PATIENCE = 3.0  # seconds for each call (R12)
_PRINCIPALE = "PRINCIPALE"


@dataclass(frozen=True, slots=True)
class Partie:
    """A party of a contract: its name, and what stands below it."""

    nom: str
    lignes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sells and who buys."""

    organisation: Partie
    client: Partie


async def parties_of(contrat: Contrat, peers: Peers) -> Parties:
    """The parties of *contrat*; one whom nobody knows has its id for a name. Raises Unavailable."""
    return Parties(*await asyncio.gather(_vendeur(contrat, peers), _acheteur(contrat.client_id, peers)))


async def asked(service: str, call: Awaitable[T]) -> T | None:
    """Await *call*; None for NOT_FOUND. Raises Unavailable, whatever else the service says."""
    try:
        return await answered_or_none(call)
    except grpc.aio.AioRpcError as error:
        _log.warning("%s refuses what an archive needs: %s", service, error.code().name)
        raise DependanceIndisponible(service=service) from error


async def _vendeur(contrat: Contrat, peers: Peers) -> Partie:
    """The société of *contrat*, else its organisation."""
    if parse_uuid(contrat.societe_id) is not None:
        societes = peers.stub(SocieteServiceStub)
        call = societes.Get(GetSocieteRequest(id=contrat.societe_id), timeout=_PATIENCE)
        societe = await asked("organisations", call)
        if societe is not None:
            return Partie(societe.raison_sociale, _told(societe.adresse, SIREN=societe.siren))
    organisations = peers.stub(OrganisationServiceStub)
    request = GetOrganisationRequest(id=contrat.organisation_id)
    organisation = await asked("organisations", organisations.Get(request, timeout=_PATIENCE))
    if organisation is None or organisation.provisoire:
        return Partie(contrat.organisation_id)
    return Partie(organisation.nom, _told(organisation.adresse, SIRET=organisation.siret))


async def _acheteur(client_id: str, peers: Peers) -> Partie:
    """The client, an external reference for one of another system or who is not known any more (R15)."""
    reference = Partie(f"référence externe {client_id}")
    if parse_uuid(client_id) is None:
        return reference
    stub = peers.stub(ClientBaseServiceStub)
    client = await asked("clients", stub.Get(GetClientBaseRequest(id=client_id), timeout=_PATIENCE))
    if client is None:
        return reference
    return buyer(client, await _entreprise(client, peers))


async def _entreprise(client: ClientBase, peers: Peers) -> ClientEntreprise | None:
    if not client.client_entreprise_id:
        return None
    request = GetClientEntrepriseRequest(id=client.client_entreprise_id)
    return await asked("clients", peers.stub(ClientEntrepriseServiceStub).Get(request, timeout=_PATIENCE))


def buyer(client: ClientBase, entreprise: ClientEntreprise | None) -> Partie:
    """The party that *client* is: a person, or a company with the person who stands for it."""
    person, address = f"{client.prenom} {client.nom}".strip(), _adresse(client.adresses)
    if entreprise is None:
        return Partie(person, address)
    represented = (f"Représentée par : {person}",) if person else ()
    return Partie(entreprise.raison_sociale, (*address, *_told("", SIREN=entreprise.siren), *represented))


def _adresse(adresses: Collection[Adresse]) -> tuple[str, ...]:
    """The lines of the main address, else of the oldest one."""
    ordered = sorted(adresses, key=lambda one: one.type != _PRINCIPALE)
    if not ordered:
        return ()
    adresse = ordered[0]
    town = f"{adresse.code_postal} {adresse.ville}".strip()
    return tuple(filter(None, (adresse.ligne1, adresse.ligne2, town, adresse.pays)))


def _told(address: str, **numbers: str) -> tuple[str, ...]:
    """The lines of *address*, then the *numbers* that are known, each with its name."""
    named = (f"{name} : {number}" for name, number in numbers.items() if number)
    return (*filter(None, (line.strip() for line in address.splitlines())), *named)
