"""Objectives for tests, decided as users decide them."""

from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import ObjectifServiceStub
from tests.marche import Ventes


async def decide(ventes: Ventes, mois: str, montant: float, **fields: Any) -> pb.Objectif:
    """What *mois* should bring to the organisation, or to the société that *fields* name."""
    stub = ventes.mesh.stub(ObjectifServiceStub, organisation=ventes.org)
    return await stub.Set(pb.SetObjectifRequest(mois=mois, montant=montant, **fields))
