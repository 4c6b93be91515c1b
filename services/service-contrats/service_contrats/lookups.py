"""Clients and products, asked about what a contract names (R3, R4, R22).

An answer comes within two seconds, or the contract is made without it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from datetime import date
from decimal import Decimal
from typing import TypeVar

import grpc
from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.products.products_pb2 import (
    CalculatePriceRequest,
    CalculatePriceResponse,
    GetProduitRequest,
    Produit,
)
from crm.products.products_pb2_grpc import CatalogServiceStub, ProduitServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, answered_or_none, rounded
from grpc_utils.errors import FailedPrecondition, Unavailable

from service_contrats.lignes_rules import LigneVoulue, Offre

_log = logging.getLogger(__name__)
T = TypeVar("T")


class ClientInconnu(FailedPrecondition):
    """Ce client n'existe pas dans votre organisation."""


class ProduitInconnu(FailedPrecondition):
    """Ce produit n'existe pas dans votre organisation."""


class _Silence(Exception):
    """The callee gave no answer that helps."""


class _NotForSale(_Silence):
    """The product exists and has no price now."""


async def client_of(peers: Peers, client_id: str) -> ClientBase | None:
    """The client, None for one of another system and while clients is away. Raises ClientInconnu."""
    if parse_uuid(client_id) is None:
        return None
    stub = peers.stub(ClientBaseServiceStub)
    try:
        client = await _heard(stub.Get(GetClientBaseRequest(id=client_id)))
    except _Silence:
        return None
    if client is None:
        raise ClientInconnu(champ="client_id")
    return client


async def known_client(peers: Peers, client_id: str) -> ClientBase | None:
    """The client as `client_of` finds it, and None for one that does not exist any more."""
    try:
        return await client_of(peers, client_id)
    except ClientInconnu:
        return None


async def offers(peers: Peers, voulues: Iterable[LigneVoulue], day: date) -> list[Offre]:
    """What products tells of each line for *day*. Raises ProduitInconnu."""
    return list(await asyncio.gather(*(offer(peers, voulue, day) for voulue in voulues)))


async def offer(peers: Peers, voulue: LigneVoulue, day: date) -> Offre:
    """What products tells of one line: its price unless it has one, and its rate (R4, R22).

    Nothing for a product of another system and while products is away. Raises ProduitInconnu.
    """
    if voulue.prix_unitaire is not None or parse_uuid(voulue.produit_id) is None:
        return await rate(peers, voulue.produit_id)
    try:
        priced = await _priced(peers, voulue, day)
    except _Silence:
        return Offre()
    if priced is None:
        return await rate(peers, voulue.produit_id)
    return _offer(priced, rounded(Decimal(repr(priced.prix_total_ttc)) / voulue.quantite))


async def rate(peers: Peers, produit_id: str) -> Offre:
    """What products tells of the rate of a product, as `offer` does. Raises ProduitInconnu."""
    if parse_uuid(produit_id) is None:
        return Offre()
    try:
        return _offer(await _product(peers, produit_id), None)
    except _Silence:
        return Offre()


async def check_products(peers: Peers, produit_ids: Iterable[str]) -> None:
    """Refuse products of ours that do not exist (R3). Raises ProduitInconnu."""
    await asyncio.gather(*(rate(peers, one) for one in produit_ids))


async def _priced(peers: Peers, voulue: LigneVoulue, day: date) -> CalculatePriceResponse | None:
    """The price of a line, None for a product that is not for sale. Raises ProduitInconnu, _Silence."""
    request = CalculatePriceRequest(
        produit_id=voulue.produit_id, date=day.isoformat(), quantite=voulue.quantite
    )
    try:
        priced = await _heard(peers.stub(CatalogServiceStub).CalculatePrice(request))
    except _NotForSale:
        return None
    if priced is None:
        raise ProduitInconnu(f"id : {voulue.produit_id}", champ="produit_id")
    return priced


async def _product(peers: Peers, produit_id: str) -> Produit:
    product = await _heard(peers.stub(ProduitServiceStub).Get(GetProduitRequest(id=produit_id)))
    if product is None:
        raise ProduitInconnu(f"id : {produit_id}", champ="produit_id")
    return product


def _offer(told: CalculatePriceResponse | Produit, prix: Decimal | None) -> Offre:
    rate = rounded(Decimal(repr(told.taux_tva)))
    return Offre(prix, rate, told.motif_exoneration or None)


async def _heard(call: Awaitable[T]) -> T | None:
    """The answer to *call*, None for NOT_FOUND. Raises _NotForSale, _Silence."""
    try:
        return await answered_or_none(call)
    except Unavailable as error:
        _log.warning("a contract goes on without %s", error.metadata.get("service"))
        raise _Silence from error
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
            raise _NotForSale from error
        _log.warning("a contract goes on without an answer: %s", error.code().name)
        raise _Silence from error
