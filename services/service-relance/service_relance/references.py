"""Check of what a rule refers to at other services, before it is stored (R2)."""

import logging
from typing import Any

import grpc
from crm.organisations.organisations_pb2 import GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import SocieteServiceStub
from db_utils import parse_uuid
from grpc_utils import answered_or_none, failure_of
from grpc_utils.errors import ReferenceInconnue, Unavailable
from service_kit import App

_log = logging.getLogger(__name__)


async def check_societe(app: App[Any], societe_id: str) -> None:
    """Refuse a société that organisations does not know. Raises ReferenceInconnue.

    Other ids are not of our making (C2), and while organisations is away nobody can tell: both are taken.
    """
    if parse_uuid(societe_id) is None:
        return
    try:
        societe = await answered_or_none(
            app.peers.stub(SocieteServiceStub).Get(GetSocieteRequest(id=societe_id))
        )
    except (Unavailable, grpc.aio.AioRpcError) as error:
        _log.warning("a rule is stored without asking for its société: %s", failure_of(error))
        return
    if societe is None:
        raise ReferenceInconnue(champ="societe_id")
