"""Visibility of organisations (R1): the id plays the part that organisation_id has elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from grpc import StatusCode
from service_organisations.service import SERVICE
from service_testing import Mesh, pages, refused, running

NOT_FOUND = (StatusCode.NOT_FOUND, "INTROUVABLE")


async def check_invisible(organisations: OrganisationServiceStub, martin: pb.Organisation) -> None:
    """Check that for this caller the organisation does not exist."""
    get, update = (
        pb.GetOrganisationRequest(id=martin.id),
        pb.UpdateOrganisationRequest(id=martin.id, nom="Pris"),
    )
    assert await refused(organisations.Get(get)) == NOT_FOUND
    assert await refused(organisations.Update(update)) == NOT_FOUND
    assert not (await organisations.Delete(pb.DeleteOrganisationRequest(id=martin.id))).success
    assert martin.id not in await listed(organisations)


async def listed(organisations: OrganisationServiceStub, **filters: Any) -> list[str]:
    """Ids of all pages of a list."""
    request = pb.ListOrganisationsRequest(**filters)
    return [one.id async for page in pages(organisations.List, request) for one in page.organisations]


async def test_R01_a_member_sees_his_organisation(
    organisations: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A member reads the own organisation and lists no other."""
    await organisations.Create(pb.CreateOrganisationRequest(nom="Autre"))
    assert await listed(organisations) == [martin.id]
    assert await organisations.Get(pb.GetOrganisationRequest(id=martin.id)) == martin


async def test_R01_a_stranger_sees_nothing(
    strangers: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A member of another organisation is answered as if this one did not exist."""
    await check_invisible(strangers, martin)


async def test_R01_a_caller_without_organisation_sees_nothing(mesh: Mesh, martin: pb.Organisation) -> None:
    """A token with an empty claim sees no organisation, whatever the request names."""
    await check_invisible(mesh.stub(OrganisationServiceStub, organisation=""), martin)


async def test_R01_a_caller_without_organisation_may_create(mesh: Mesh) -> None:
    """Create is open to a user who belongs nowhere yet."""
    newcomer = mesh.stub(OrganisationServiceStub, organisation="")
    assert (await newcomer.Create(pb.CreateOrganisationRequest(nom="Première"))).nom == "Première"


async def test_R01_without_a_claim_the_id_names_it(mesh: Mesh, martin: pb.Organisation) -> None:
    """A token without a claim sees the organisation named by the id, or by metadata in List."""
    outside = mesh.stub(OrganisationServiceStub, organisation=None)
    assert await outside.Get(pb.GetOrganisationRequest(id=martin.id)) == martin
    assert await listed(outside) == []
    answer = await outside.List(pb.ListOrganisationsRequest(), metadata=(("x-organisation-id", martin.id),))
    assert [one.id for one in answer.organisations] == [martin.id]


@pytest.mark.parametrize("identity", ["", "a b", "-", "x" * 65])
async def test_C02_what_is_no_id_does_not_exist(
    organisations: OrganisationServiceStub, inside: OrganisationServiceStub, identity: str
) -> None:
    """A malformed id is NOT_FOUND or success=false, for users and for services."""
    for caller in (organisations, inside):
        assert await refused(caller.Get(pb.GetOrganisationRequest(id=identity))) == NOT_FOUND
        assert not (await caller.Delete(pb.DeleteOrganisationRequest(id=identity))).success


async def test_R01_services_see_all(
    mesh: Mesh, inside: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A service sees every organisation, also while it works for another one."""
    elsewhere = mesh.service_stub(
        OrganisationServiceStub, caller="organisations", organisation="org-ailleurs"
    )
    for caller in (inside, elsewhere):
        assert await caller.Get(pb.GetOrganisationRequest(id=martin.id)) == martin
        assert martin.id in await listed(caller)
    assert (await elsewhere.Update(pb.UpdateOrganisationRequest(id=martin.id, nom="Vu"))).nom == "Vu"


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[Mesh]:
    """Mesh of an installation for one company, where only claims name an organisation."""
    async with running(SERVICE, tenant_claim_required=True, default_organisation_id="org-seule") as mesh:
        yield mesh


@pytest.mark.parametrize("claim", [None, "", "org-seule"])
async def test_C06_a_default_stands_in_for_none(strict: Mesh, claim: str | None) -> None:
    """Callers without an organisation see the default one and no other."""
    inside = strict.service_stub(OrganisationServiceStub, caller="organisations")
    made = await inside.EnsureExists(pb.EnsureExistsRequest(id="org-seule"))
    other = await inside.EnsureExists(pb.EnsureExistsRequest(id="org-ailleurs"))
    organisations = strict.stub(OrganisationServiceStub, organisation=claim)
    assert await organisations.Get(pb.GetOrganisationRequest(id="org-seule")) == made.organisation
    assert await listed(organisations) == ["org-seule"]
    await check_invisible(organisations, other.organisation)


async def test_services_filter_search_and_sort(inside: OrganisationServiceStub, org: str) -> None:
    """A search finds words in name and email; the list is sorted by name or by age."""
    made = [
        await inside.Create(pb.CreateOrganisationRequest(nom=f"{name} {org}", email=email, actif=actif))
        for name, email, actif in (("F", "x@example.fr", True), ("É", f"{org}@example.fr", False))
    ]
    b, a = [organisation.id for organisation in made]
    assert await listed(inside, search=org.upper()) == [a, b]
    assert await listed(inside, search=f"{org} e") == [a, b]
    assert await listed(inside, search=f"é {org}") == [a]
    assert await listed(inside, search=f"{org}@") == [a]
    assert await listed(inside, search=org, actif=True) == [b]
    assert await listed(inside, search=org, etat="inactif") == []
    by_age = Pagination(sort_by="created_at", sort_order="desc", page_size=1)
    assert await listed(inside, search=org, pagination=by_age) == [a, b]
