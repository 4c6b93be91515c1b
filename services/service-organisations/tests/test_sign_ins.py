"""EnsureExists and TouchActivity, which other services call when somebody signs in."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, refusal, refused


@pytest.fixture
def user(organisations: OrganisationServiceStub) -> OrganisationServiceStub:
    """Organisations, as a member sees them and not a service."""
    return organisations


async def test_C05_users_may_not_call_them(user: OrganisationServiceStub, martin: pb.Organisation) -> None:
    """Both are APPEL_INTERNE_SEULEMENT for users, for their own organisation too."""
    reserved = (StatusCode.PERMISSION_DENIED, "APPEL_INTERNE_SEULEMENT")
    assert await refused(user.EnsureExists(pb.EnsureExistsRequest(id=martin.id))) == reserved
    assert await refused(user.TouchActivity(pb.TouchActivityRequest(id=martin.id))) == reserved


async def test_R04_an_unknown_organisation_is_made_provisionally(
    inside: OrganisationServiceStub, organisations: OrganisationServiceStub, org: str
) -> None:
    """EnsureExists makes it once, named or not; the first Update of the name confirms it."""
    first = await inside.EnsureExists(pb.EnsureExistsRequest(id=org, type_utilisateur="COURTIER"))
    again = await inside.EnsureExists(pb.EnsureExistsRequest(id=org, nom="Autre"))
    assert (first.cree, again.cree, again.organisation) == (True, False, first.organisation)
    made = first.organisation
    assert (made.nom, made.provisoire, made.etat, made.actif) == (f"Organisation {org}", True, "actif", True)
    named = await inside.EnsureExists(pb.EnsureExistsRequest(id=f"{org}-b", nom="Donné"))
    assert named.organisation.nom == "Donné"
    touched = await organisations.Update(pb.UpdateOrganisationRequest(id=org, telephone="01"))
    confirmed = await organisations.Update(pb.UpdateOrganisationRequest(id=org, nom=made.nom))
    assert (touched.provisoire, confirmed.provisoire, confirmed.version) == (True, False, 3)


async def test_R04_thirty_at_once_make_one(inside: OrganisationServiceStub, org: str) -> None:
    """Thirty calls at once succeed, and exactly one answers cree=true."""
    answers = await asyncio.gather(*(inside.EnsureExists(pb.EnsureExistsRequest(id=org)) for _ in range(30)))
    assert sorted(answer.cree for answer in answers) == [False] * 29 + [True]
    assert {answer.organisation.id for answer in answers} == {org}


async def test_R04_a_deleted_organisation_is_not_made_again(
    inside: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """EnsureExists of a deleted organisation is ORGANISATION_SUPPRIMEE."""
    await inside.Delete(pb.DeleteOrganisationRequest(id=martin.id))
    answer = await refusal(inside.EnsureExists(pb.EnsureExistsRequest(id=martin.id)))
    assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "ORGANISATION_SUPPRIMEE")


@pytest.mark.parametrize(("identity", "reason"), [("", "CHAMP_REQUIS"), ("a b", "FORMAT_INVALIDE")])
async def test_R04_what_is_no_id_is_refused(
    inside: OrganisationServiceStub, identity: str, reason: str
) -> None:
    """An empty or malformed id is INVALID_ARGUMENT with the field."""
    answer = await refusal(inside.EnsureExists(pb.EnsureExistsRequest(id=identity)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": "id"},
    )


async def test_R07_activity_only_moves_forward(
    inside: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """An older instant changes nothing; version and updated_at never change."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    answers = [
        (await inside.TouchActivity(_touch(martin, noon + shift))).last_activity_at.ToDatetime(tzinfo=UTC)
        for shift in (timedelta(0), timedelta(hours=-1), timedelta(hours=1))
    ]
    assert answers == [noon, noon, noon + timedelta(hours=1)]
    after = await inside.Get(pb.GetOrganisationRequest(id=martin.id))
    assert (after.version, after.updated_at) == (1, martin.updated_at)
    assert after.last_activity_at.ToDatetime(tzinfo=UTC) == answers[-1]


async def test_R07_the_future_is_refused(mesh: Mesh, martin: pb.Organisation) -> None:
    """An instant over five minutes ahead is refused; without an instant it is now."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with clock.frozen_at(noon):
        inside = mesh.service_stub(OrganisationServiceStub, caller="organisations")
        now = await inside.TouchActivity(pb.TouchActivityRequest(id=martin.id))
        late = await inside.TouchActivity(_touch(martin, noon + timedelta(minutes=5)))
        answer = await refusal(inside.TouchActivity(_touch(martin, noon + timedelta(minutes=5, seconds=1))))
    assert (now.last_activity_at, late.last_activity_at) == (
        timestamp(noon),
        timestamp(noon + timedelta(minutes=5)),
    )
    assert (answer.code, answer.metadata) == (StatusCode.INVALID_ARGUMENT, {"champ": "instant"})


async def test_R07_an_unknown_organisation_is_not_found(inside: OrganisationServiceStub, org: str) -> None:
    """TouchActivity of an unknown organisation is NOT_FOUND."""
    answer = await refusal(inside.TouchActivity(pb.TouchActivityRequest(id=org)))
    assert answer.code == StatusCode.NOT_FOUND


def _touch(organisation: pb.Organisation, instant: datetime) -> pb.TouchActivityRequest:
    return pb.TouchActivityRequest(id=organisation.id, instant=timestamp(instant))
