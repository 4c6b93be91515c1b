"""Somebody who calls services with a token, over the network, knowing nothing but the contracts."""

import importlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from service_testing import eventually
from service_testing.command import Command, Up

_COMING_BACK = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
PATIENCE = 400.0  # seconds: a job that found its callee killed comes again after five minutes


@cache
def _method(path: str) -> MethodDescriptor:
    """The method of *path*, as in clients.ClientBaseService/Get."""
    service, name = path.split("/")
    package, service_name = service.split(".")
    contract = importlib.import_module(f"crm.{package}.{package}_pb2")
    method: MethodDescriptor = contract.DESCRIPTOR.services_by_name[service_name].methods_by_name[name]
    return method


class Person:
    """Somebody of *organisation*; *channels* are those of the services by name."""

    def __init__(self, organisation: str, token: str, channels: dict[str, grpc.aio.Channel]) -> None:
        self.organisation = organisation
        self._metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}"))
        self._channels = channels

    async def call(self, path: str, **fields: Any) -> Any:
        """The answer of the method *path* to a request with *fields*. Raises grpc.aio.AioRpcError.

        A service that is away is asked again, under one key: what it did meanwhile is not done twice.
        """
        method = _method(path)
        request = GetMessageClass(method.input_type)(**fields)
        called: grpc.aio.UnaryUnaryMultiCallable[Any, Any] = self._channels[path.split(".")[0]].unary_unary(
            f"/{path}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        metadata = grpc.aio.Metadata(*self._metadata, ("idempotency-key", str(uuid4())))

        async def ask() -> list[Any]:
            try:
                return [await called(request, metadata=metadata, timeout=30, wait_for_ready=True)]
            except grpc.aio.AioRpcError as error:
                if error.code() not in _COMING_BACK:
                    raise
                return []

        (answer,) = await eventually(ask, timeout=PATIENCE, every=0.2)
        return answer

    async def sees(self, path: str, ready: Callable[[Any], object], **fields: Any) -> Any:
        """The answer of the method *path*, once it is *ready*."""

        async def look() -> Any:
            answer = await self.call(path, **fields)
            return answer if ready(answer) else None

        return await eventually(look, timeout=PATIENCE, every=0.1)

    async def finds(
        self,
        path: str,
        enough: Callable[[list[Any]], bool] = bool,
        *,
        where: Callable[[Any], bool] = lambda row: True,
        **fields: Any,
    ) -> list[Any]:
        """The rows of the list *path* that meet *where*, once they are *enough*; others may come later."""

        def chosen(answer: Any) -> list[Any]:
            return [row for row in _rows(answer) if where(row)]

        return chosen(await self.sees(path, lambda answer: enough(chosen(answer)), **fields))


def _rows(answer: Any) -> list[Any]:
    """The entries of the one repeated field of messages of a list."""
    (name,) = [field.name for field in answer.DESCRIPTOR.fields if field.is_repeated]
    return list(getattr(answer, name))


@asynccontextmanager
async def channels_of(mesh: Up, services: Iterable[str]) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    """A channel to each of *services*."""
    channels = {name: grpc.aio.insecure_channel(mesh.address(name)) for name in services}
    try:
        yield channels
    finally:
        for channel in channels.values():
            await channel.close()


async def person_of(crm: Command, organisation: str, channels: dict[str, grpc.aio.Channel]) -> Person:
    """Somebody of a new *organisation*, with a token for half a year."""
    founder = Person("", await _token(crm, ""), channels)
    await founder.call("organisations.OrganisationService/Create", id=organisation, nom=organisation)
    return Person(organisation, await _token(crm, organisation), channels)


async def _token(crm: Command, organisation: str) -> str:
    named = ("--user", "comptable", "--organisation", organisation, "--lifetime", "15000000")
    return (await crm("token", *named)).out.strip()
