"""Clients for tests: written into the table of those that were announced, or known to clients alone."""

from datetime import datetime

from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from db_utils import uuid7
from service_dashboard.models import ClientVu
from service_testing import Mesh, eventually
from sqlalchemy import delete, select


async def seen(mesh: Mesh, org: str, *instants: datetime, societe_id: str | None = None) -> None:
    """Store clients of *org* created at *instants*."""
    async with mesh.database("dashboard").transaction() as tx:
        for cree_le in instants:
            row = ClientVu(
                client_id=str(uuid7()), organisation_id=org, societe_id=societe_id, cree_le=cree_le
            )
            await tx.insert(row)


async def announced_client(mesh: Mesh, org: str) -> clients_pb2.ClientBase:
    """A client of société soc-1 of *org*, made at clients, once he is counted here."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont", societe_id="soc-1"))
    that_one = select(ClientVu).where(ClientVu.client_id == client.id)
    await eventually(lambda: mesh.database("dashboard").read().all(that_one))
    return client


async def forgotten_client(mesh: Mesh, org: str) -> clients_pb2.ClientBase:
    """Such a client as if he had never been announced here."""
    client = await announced_client(mesh, org)
    async with mesh.database("dashboard").transaction() as tx:
        await tx.execute(delete(ClientVu).where(ClientVu.client_id == client.id))
    return client
