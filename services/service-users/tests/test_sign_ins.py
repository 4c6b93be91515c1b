"""Sign-ins: counted (R12) and announced (R13, R14)."""

import asyncio
from datetime import UTC, datetime, timedelta

from crm.events.business_pb2 import ClientCreatedEvent
from crm.events.identity_pb2 import UserLoginEvent
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub, SyncServiceStub, UtilisateurServiceStub
from db_utils import clock
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, eventually, refused
from tests.personnes import Seen, Someone, new_subject

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def logins(mesh: Mesh, utilisateur: pb.Utilisateur, at_least: int) -> list[UserLoginEvent]:
    """Return the events about *utilisateur* on the bus."""
    return await mesh.published(UserLoginEvent, at_least, where=lambda event: event.user_id == utilisateur.id)


async def test_R12_the_first_sign_in_is_told_apart(sync: SyncServiceStub, someone: Someone) -> None:
    """The first sign-in of an account is told as such; each one counts."""
    user = await someone()
    request = pb.RecordLoginRequest(utilisateur_id=user.id, source="auth")
    first, second = await sync.RecordLogin(request), await sync.RecordLogin(request)
    assert (first.premiere_connexion, second.premiere_connexion) == (True, False)
    assert (first.utilisateur.nombre_connexions, second.utilisateur.nombre_connexions) == (1, 2)
    assert second.utilisateur.version == user.version


async def test_R12_the_last_sign_in_only_moves_forward(sync: SyncServiceStub, someone: Someone) -> None:
    """A clock that goes back leaves derniere_connexion as it is."""
    request = pb.RecordLoginRequest(utilisateur_id=(await someone()).id, source="auth")
    with clock.frozen_at(NOON):
        await sync.RecordLogin(request)
    with clock.frozen_at(NOON - timedelta(hours=1)):
        back = await sync.RecordLogin(request)
    with clock.frozen_at(NOON + timedelta(hours=1)):
        forth = await sync.RecordLogin(request)
    assert back.utilisateur.derniere_connexion == timestamp(NOON)
    assert forth.utilisateur.derniere_connexion == timestamp(NOON + timedelta(hours=1))


async def test_R12_a_second_service_reports_no_first_sign_in(sync: SyncServiceStub, seen: Seen) -> None:
    """The first report is the first sign-in, a second service's report counts as another one."""
    made = await sync.SyncUser(seen())
    again = await sync.SyncUser(seen(service_name="gestion-commerciale-service"))
    assert (made.premiere_connexion, again.premiere_connexion) == (True, False)
    assert again.utilisateur.nombre_connexions == 2


async def test_R13_sync_user_publishes_one_event(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """The event has the subject that was given, the organisation and the account's fields (R14)."""
    metadata = {"source": "accounting-service", "firstLoginFrom": "accounting", "autre": "rien"}
    answer = await sync.SyncUser(
        seen(first_name="Anne", last_name="Martin", company_id=org, metadata=metadata)
    )
    user = answer.utilisateur
    (event,) = await logins(mesh, user, 1)
    assert (event.event_id, event.is_first_login, event.role) == (answer.event_id, True, "ADMIN")
    assert (event.auth0_id, event.email, event.name) == (
        seen().auth0_id,
        user.email,
        "Anne Martin",
    )
    assert (event.customer_id, event.company_id, event.financial_institution_id) == (org, org, "")
    assert (event.user_type, list(event.accessible_apps)) == ("UTILISATEUR", list(user.applications))
    assert MessageToDict(event.metadata) == {"source": "accounting-service", "firstLoginFrom": "accounting"}


async def test_R13_a_financial_institution_is_named_instead_of_a_company(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """The type of the user decides which of the two fields names the organisation."""
    answer = await sync.SyncUser(seen(company_id=org, user_type="FINANCIAL_INSTITUTION"))
    (event,) = await logins(mesh, answer.utilisateur, 1)
    assert (event.customer_id, event.company_id, event.financial_institution_id) == (org, "", org)


async def test_R13_the_same_service_within_a_minute_announces_nothing_new(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen
) -> None:
    """A repeated report gets the former id; another service, or the next minute, gets its own."""
    with clock.frozen_at(NOON):
        first = await sync.SyncUser(seen())
    with clock.frozen_at(NOON + timedelta(seconds=59)):
        again = await sync.SyncUser(seen(first_name="Anne"))
        other = await sync.SyncUser(seen(service_name="gestion-commerciale-service"))
    with clock.frozen_at(NOON + timedelta(seconds=60)):
        later = await sync.SyncUser(seen())
    assert (again.event_id, again.utilisateur.prenom) == (first.event_id, "Anne")
    assert len({first.event_id, other.event_id, later.event_id}) == 3
    events = await logins(mesh, first.utilisateur, 3)
    assert [event.event_id for event in events] == [first.event_id, other.event_id, later.event_id]


async def test_R13_twenty_reports_at_once_are_one_event(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen
) -> None:
    """Twenty simultaneous reports publish one event, and all answer its id."""
    answers = await asyncio.gather(*(sync.SyncUser(seen()) for _ in range(20)))
    (event,) = await logins(mesh, answers[0].utilisateur, 1)
    assert {answer.event_id for answer in answers} == {event.event_id}


async def test_R13_a_sign_in_at_auth_is_announced_by_our_own_id(
    mesh: Mesh, sync: SyncServiceStub, someone: Someone, org: str
) -> None:
    """RecordLogin names the account's id and the oldest active membership, once per call."""
    user = await someone(organisation_id=org)
    request = pb.RecordLoginRequest(utilisateur_id=user.id, source="auth")
    answers = [await sync.RecordLogin(request) for _ in range(2)]
    events = await logins(mesh, user, 2)
    assert [event.event_id for event in events] == [answer.event_id for answer in answers]
    assert (events[0].auth0_id, events[0].customer_id, events[0].role) == (user.id, org, "ADMIN")
    assert (events[0].is_first_login, events[1].is_first_login) == (True, False)
    assert MessageToDict(events[0].metadata) == {"source": "auth"}


async def test_R13_identity_is_not_published_among_the_business_events(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen
) -> None:
    """Sign-ins do not appear under `crm.events.>`."""
    answer = await sync.SyncUser(seen())
    await logins(mesh, answer.utilisateur, 1)
    assert await mesh.published(ClientCreatedEvent) == []


async def test_R15_record_login_refuses_the_inactive_and_the_unknown(
    sync: SyncServiceStub, people: UtilisateurServiceStub, someone: Someone
) -> None:
    """An inactive account is FAILED_PRECONDITION, a deleted or unknown one NOT_FOUND."""
    user = await someone()
    request = pb.RecordLoginRequest(utilisateur_id=user.id, source="auth")
    await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    assert await refused(sync.RecordLogin(request)) == (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    assert (await refused(sync.RecordLogin(request)))[0] == StatusCode.NOT_FOUND
    nobody = pb.RecordLoginRequest(utilisateur_id=new_subject(), source="auth")
    assert (await refused(sync.RecordLogin(nobody)))[0] == StatusCode.NOT_FOUND


async def test_a_sign_in_tells_organisations_of_activity(
    mesh: Mesh, sync: SyncServiceStub, someone: Someone, membres: MembreServiceStub, org: str
) -> None:
    """After the answer, the organisation's last_activity_at is the instant of the sign-in."""
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    await organisations.EnsureExists(organisations_pb.EnsureExistsRequest(id=org))
    user = await someone(organisation_id=org)
    with clock.frozen_at(NOON):
        await sync.RecordLogin(pb.RecordLoginRequest(utilisateur_id=user.id, source="auth"))

        async def touched() -> bool:
            made = await organisations.Get(organisations_pb.GetOrganisationRequest(id=org))
            return made.last_activity_at == timestamp(NOON)

        await eventually(touched)
