"""Mesh and stubs of the organisations service, which runs once for all tests of this folder."""

import pytest
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import (
    OrganisationServiceStub,
    PartenaireMarqueBlancheServiceStub,
    ReferentielServiceStub,
    SocieteServiceStub,
)
from service_organisations.service import SERVICE
from service_testing.fixtures import mesh_of, of_member, of_service, of_stranger

mesh = mesh_of(SERVICE)
organisations = of_member(OrganisationServiceStub)
societes = of_member(SocieteServiceStub)
partenaires = of_member(PartenaireMarqueBlancheServiceStub)
referentiels = of_member(ReferentielServiceStub)
strangers = of_stranger(OrganisationServiceStub)
inside = of_service(OrganisationServiceStub, caller="organisations")


@pytest.fixture
async def martin(organisations: OrganisationServiceStub, org: str) -> pb.Organisation:
    """Organisation of the test, created."""
    return await organisations.Create(pb.CreateOrganisationRequest(id=org, nom="Martin SAS"))
