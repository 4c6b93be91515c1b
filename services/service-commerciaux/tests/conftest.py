"""Mesh and stubs of the commerciaux service, which runs once for all tests of this folder.

Its callers are not met here: `test_local_users.py` and `test_timeline.py` have meshes of their own.
"""

from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import (
    ApporteurServiceStub,
    BaremeCommissionServiceStub,
    ModeleDistributionServiceStub,
)
from service_commerciaux.service import SERVICE
from service_testing.fixtures import mesh_of, of_member, of_stranger
from tests.equipe import New

mesh = mesh_of(SERVICE, user_sync_enabled=False)
apporteurs = of_member(ApporteurServiceStub)
baremes = of_member(BaremeCommissionServiceStub)
modeles = of_member(ModeleDistributionServiceStub)
foreign_apporteurs = of_stranger(ApporteurServiceStub)
foreign_modeles = of_stranger(ModeleDistributionServiceStub)


@pytest.fixture
def new(apporteurs: ApporteurServiceStub) -> New:
    """Maker of apporteurs of the organisation, by name and further fields."""

    async def make(nom: str, prenom: str = "Anne", **fields: Any) -> pb.Apporteur:
        return await apporteurs.Create(pb.CreateApporteurRequest(nom=nom, prenom=prenom, **fields))

    return make
