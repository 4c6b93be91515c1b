"""Names that other services know, and clients counted: sociétés, apporteurs, products (R8, R9, R13).

What is kept for times of silence is an id with a name or a number, nothing else of a person.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2 import ListApporteursRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.common.common_pb2 import Pagination
from crm.organisations.organisations_pb2 import ListSocietesByOrganisationRequest
from crm.organisations.organisations_pb2_grpc import SocieteServiceStub
from crm.products.products_pb2 import GetProduitRequest
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, all_pages, answered_or_none

from service_dashboard.contrats import days
from service_dashboard.demandes import Demande
from service_dashboard.sources import Source, Sources

_AT_ONCE: Final = 10  # calls of one question, so that no callee is flooded


async def societes(sources: Sources) -> Mapping[str, str]:
    """The names of the sociétés of the organisation, by id."""
    asked = Source("organisations", "organisations:societes", partial(_societes, sources.peers))
    return await sources.answer(asked) or {}


async def apporteurs(sources: Sources) -> Mapping[str, str]:
    """The full names of the apporteurs of the organisation, active or not, by id."""
    asked = Source("commerciaux", "commerciaux:apporteurs", partial(_apporteurs, sources.peers))
    return await sources.answer(asked) or {}


async def produits(sources: Sources, asked: Demande, ids: Iterable[str]) -> Mapping[str, str]:
    """The names of those products of *ids* that products knows; ids of other systems it cannot know."""
    wanted = [one for one in ids if parse_uuid(one) is not None]
    if not wanted:
        return {}
    key = f"products:noms:{days(asked.periode, asked.today)}:{asked.societe_id}"
    return await sources.answer(Source("products", key, partial(_produits, sources.peers, wanted))) or {}


async def clients_of(
    sources: Sources, asked: Demande, commercial_ids: Iterable[str]
) -> Mapping[str, int] | None:
    """How many clients each of *commercial_ids* has, None without an answer."""
    wanted = list(commercial_ids)
    if not wanted:
        return {}
    key = f"clients:totaux:{days(asked.periode, asked.today)}:{asked.societe_id}"
    ask = partial(_totals, sources.peers, asked.societe_id, wanted)
    return await sources.answer(Source("clients", key, ask))


async def _societes(peers: Peers) -> dict[str, str]:
    listing = peers.stub(SocieteServiceStub).ListByOrganisation
    pages = all_pages(listing, ListSocietesByOrganisationRequest())
    return {one.id: one.raison_sociale async for page in pages for one in page.societes}


async def _apporteurs(peers: Peers) -> dict[str, str]:
    pages = all_pages(peers.stub(ApporteurServiceStub).List, ListApporteursRequest())
    return {one.id: f"{one.prenom} {one.nom}".strip() async for page in pages for one in page.apporteurs}


async def _produits(peers: Peers, ids: list[str]) -> dict[str, str]:
    stub = peers.stub(ProduitServiceStub)

    async def name(produit_id: str) -> str:
        known = await answered_or_none(stub.Get(GetProduitRequest(id=produit_id)))
        return known.nom if known is not None else ""

    return {one: known for one, known in (await _of_each(name, ids)).items() if known}


async def _totals(peers: Peers, societe_id: str, ids: list[str]) -> dict[str, int]:
    stub = peers.stub(ClientBaseServiceStub)

    async def total(commercial_id: str) -> int:
        only_the_total = Pagination(page_size=1, with_total=True)
        request = ListClientBasesRequest(
            societe_id=societe_id, commercial_id=commercial_id, pagination=only_the_total
        )
        return (await stub.List(request)).pagination.total

    return await _of_each(total, ids)


async def _of_each(ask: Callable[[str], Awaitable[Any]], ids: list[str]) -> dict[str, Any]:
    """The answer of *ask* for each of *ids*, a few calls at a time."""
    answers: list[Any] = []
    for start in range(0, len(ids), _AT_ONCE):
        answers += await asyncio.gather(*map(ask, ids[start : start + _AT_ONCE]))
    return dict(zip(ids, answers, strict=True))
