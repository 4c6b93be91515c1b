"""Calls to organisations. None of them keeps anybody from signing in when it is not answered (R11)."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users.users_pb2 import CreateWithOwnerRequest, OrganisationDuProfil
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_utils import Afterwards, Peers, answered_or_none, timestamp
from grpc_utils.errors import (
    AlreadyExists,
    DependanceIndisponible,
    InvalidArgument,
    Refusal,
    Unavailable,
)

_log = logging.getLogger(__name__)
T = TypeVar("T")
# Seconds: a service that reports a sign-in waits 1.5 s in all, and must not lose them to a silence here.
_PATIENCE = 1.0


class Ensured(Enum):
    """Outcome of making an organisation known to its service."""

    DONE = auto()
    GONE = auto()
    LATER = auto()  # no answer, or one that may change


class OrganisationRefusee(InvalidArgument):
    """Les coordonnées de l'organisation ne sont pas valides."""


class OrganisationConnue(AlreadyExists):
    """Une organisation de ce SIRET existe déjà."""


class Organisations:
    """Client of the organisations service, through *peers*."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._afterwards = Afterwards()

    async def ensure(self, organisation_id: str, type_utilisateur: str) -> Ensured:
        """Make the organisation known to its service, within one second."""
        request = pb.EnsureExistsRequest(id=organisation_id, type_utilisateur=type_utilisateur)
        try:
            await self._stub.EnsureExists(request, timeout=_PATIENCE)
        except Unavailable:
            return Ensured.LATER
        except AioRpcError as error:
            if error.code() == StatusCode.FAILED_PRECONDITION:
                return Ensured.GONE
            _log.error("organisations refuses EnsureExists: %s", error.code().name)
            return Ensured.LATER
        return Ensured.DONE

    async def create(self, organisation_id: str, wanted: CreateWithOwnerRequest) -> None:
        """Make the *wanted* organisation under this id.

        Raises OrganisationRefusee, OrganisationConnue; Unavailable when, as far as anybody can tell, it was
        not made.
        """
        request = pb.CreateOrganisationRequest(
            id=organisation_id,
            nom=wanted.nom,
            siret=wanted.siret,
            email=wanted.email,
            telephone=wanted.telephone,
            adresse=wanted.adresse,
        )
        try:
            await self._stub.Create(request)
        except Unavailable:
            await self.delete(organisation_id)  # it may have been made all the same
            raise
        except AioRpcError as error:
            raise _refusal(error) from error

    async def delete(self, organisation_id: str) -> None:
        """Delete an organisation again, at best effort."""
        await _at_best(self._stub.Delete(pb.DeleteOrganisationRequest(id=organisation_id)), "Delete")

    def touch(self, organisation_id: str, instant: datetime) -> None:
        """Tell that somebody of the organisation was active, after the answer and at best effort (C14)."""
        if organisation_id:
            request = pb.TouchActivityRequest(id=organisation_id, instant=timestamp(instant))
            self._afterwards.start(
                "TouchActivity of organisations",
                lambda: answered_or_none(self._stub.TouchActivity(request)),
            )

    async def names(self, organisation_ids: Iterable[str]) -> dict[str, str]:
        """Return the names of organisations by id, without those that cannot be had."""
        ids = list(organisation_ids)
        names = await asyncio.gather(*map(self._name, ids))
        return {one: name for one, name in zip(ids, names, strict=True) if name}

    async def name(self, memberships: Sequence[OrganisationDuProfil]) -> None:
        """Fill in the names of several memberships, for people to choose by (R31); one needs no name."""
        if len(memberships) > 1:
            names = await self.names(one.organisation_id for one in memberships)
            for one in memberships:
                one.nom = names.get(one.organisation_id, "")

    @property
    def _stub(self) -> OrganisationServiceStub:
        return self._peers.stub(OrganisationServiceStub)

    async def _name(self, organisation_id: str) -> str:
        request = pb.GetOrganisationRequest(id=organisation_id)
        found = await _at_best(answered_or_none(self._stub.Get(request, timeout=_PATIENCE)), "Get")
        return found.nom if found is not None else ""


def _refusal(error: AioRpcError) -> Refusal:
    """Return the refusal that our own caller gets when organisations refuses to make his."""
    if error.code() == StatusCode.INVALID_ARGUMENT:
        return OrganisationRefusee()
    if error.code() == StatusCode.ALREADY_EXISTS:
        return OrganisationConnue()
    _log.error("organisations refuses Create: %s", error.code().name)
    return DependanceIndisponible(service="organisations")


async def _at_best(call: Awaitable[T], name: str) -> T | None:
    try:
        return await call
    except (Unavailable, AioRpcError) as error:
        _log.warning("organisations does not answer %s: %s", name, type(error).__name__)
        return None
