"""An echo server: a bare grpc.aio handler, and the same behind our pipeline."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
import psutil
import uvloop
from crm.clients import clients_pb2 as pb
from crm.clients import clients_pb2_grpc
from grpc_utils import Address, Guards, Server
from grpc_utils.telemetry import log_calls_to
from service_kit import Settings, load

from crm_bench.children import child

METHOD = "/clients.ClientBaseService/Get"
_CONTRACT = pb.DESCRIPTOR.services_by_name["ClientBaseService"]


class Guard(Enum):
    """The guard before the handler: none, the pipeline without authentication, the pipeline with it."""

    NONE = "bare grpc.aio"
    OPEN = "pipeline, AUTH_ENABLED=false"
    TOKEN = "pipeline, warm token"  # noqa: S105  # a label


async def _echo(servicer: object, request: pb.GetClientBaseRequest, context: object) -> pb.ClientBase:
    return pb.ClientBase(id=request.id)


# Only Get is called, and a servicer must have all of its methods.
_METHODS = {method.name: _echo for method in _CONTRACT.methods}
_ECHO = type("Echo", (clients_pb2_grpc.ClientBaseServiceServicer,), _METHODS)


@dataclass(frozen=True, slots=True)
class Echo:
    """A running echo server."""

    process: psutil.Process
    address: str


@contextmanager
def echo(guard: Guard, secret: str) -> Iterator[Echo]:
    """A server that answers a Get with the id it was asked for, in a process of its own.

    Tokens are signed with *secret*; the pipeline writes its log lines, to nowhere.
    """
    process, pipe = child(_serve, guard, secret)
    try:
        yield Echo(psutil.Process(process.pid), f"127.0.0.1:{pipe.recv()}")
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, guard: Guard, secret: str) -> None:
    if guard == Guard.NONE:
        uvloop.run(_serve_bare(pipe))
        return
    settings = load(
        Settings, database_url="", jwt_secret=secret, auth_enabled=guard == Guard.TOKEN, crm_env="test"
    )
    with Path("/dev/null").open("wb") as log:
        log_calls_to(log)
        uvloop.run(_serve_guarded(pipe, Guards(settings.authenticator("clients"), settings.tenancy(), None)))


async def _serve_bare(pipe: Connection) -> None:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    clients_pb2_grpc.add_ClientBaseServiceServicer_to_server(_ECHO(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    pipe.send(port)
    await server.wait_for_termination()


async def _serve_guarded(pipe: Connection, guards: Guards) -> None:
    server = Server("clients", [_ECHO()], guards, alive=_alive, reflect=False)
    pipe.send(await server.start(Address("127.0.0.1", 0)))
    await asyncio.Event().wait()


async def _alive() -> None: ...
