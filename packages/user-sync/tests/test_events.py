"""Sign-ins that users announces, and their effects on local copies in whatever order they come."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from db_utils import Database, clock, uuid7
from grpc_utils import timestamp
from service_testing import Mesh, running
from tests.comptoirs.service import COMPTABILITE
from tests.visiteurs import Comptoirs, Visiteur, accounts, copies_in, copy_of, organisation_in, roles
from user_sync import copies
from user_sync.rules import Personne

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, EARLIER = NOON + timedelta(hours=1), NOON - timedelta(hours=1)


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """One counter alone: events are all it hears."""
    async with running(COMPTABILITE) as mesh:
        yield mesh


@pytest.fixture
def database(mesh: Mesh) -> Database:
    """Database of the counter."""
    return mesh.database("comptabilite")


@pytest.fixture
def comptoirs(mesh: Mesh) -> Comptoirs:
    """The counter."""
    return Comptoirs(mesh)


async def emergency_copy(database: Database, visiteur: Visiteur, at: datetime = NOON) -> None:
    """Make a copy at *at* without word from users."""
    personne = Personne(visiteur.sujet, visiteur.organisation, visiteur.email, user_type="PME")
    with clock.frozen_at(at):
        async with database.transaction() as tx:
            await copies.settled(tx, personne, None)


async def test_S17_an_event_makes_a_copy(mesh: Mesh, comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """An event makes a copy of somebody new here, though he is not new elsewhere."""
    await mesh.deliver(visiteur.event(timestamp=timestamp(NOON), is_first_login=False))
    copy = await comptoirs.known(visiteur)
    assert (copy.first_name, copy.last_name, copy.email) == ("Jeanne", "Martin", visiteur.email)
    assert (copy.role, copy.origine, copy.user_type, copy.actif) == ("MANAGER", "evenement", "PME", True)
    assert (copy.last_login_at, copy.evenement_le) == (NOON, NOON)
    assert copy.utilisateur_id == visiteur.event().user_id


async def test_S15_one_event_has_one_effect(mesh: Mesh, database: Database, visiteur: Visiteur) -> None:
    """An event that is delivered five times takes effect once."""
    await mesh.deliver(visiteur.event(timestamp=timestamp(NOON)), times=5)
    (copy,) = await copies_in(database, visiteur.organisation)
    assert (copy.version, await accounts(database, visiteur.organisation)) == (1, 1)


async def test_S15_people_without_the_application_have_no_copy(
    mesh: Mesh, database: Database, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """An event without the application makes no copy and no organisation, and leaves a copy as it is."""
    await mesh.deliver(visiteur.event(accessible_apps=["crm"]))
    assert await comptoirs.copy(visiteur) is None
    assert await organisation_in(database, visiteur.organisation) is None
    await mesh.deliver(visiteur.event())
    before = await comptoirs.known(visiteur)
    await mesh.deliver(visiteur.event(accessible_apps=["crm"], role="VIEWER"))
    after = await comptoirs.known(visiteur)
    assert (after.role, after.version) == ("MANAGER", before.version)


async def test_S16_without_an_organisation_nobody_is_made(
    mesh: Mesh, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """No copy is made without organisation; one that is there gets address and time, and nothing else."""
    nowhere = {"company_id": "", "customer_id": ""}
    await mesh.deliver(visiteur.event(**nowhere))
    assert await comptoirs.copy(visiteur) is None
    await mesh.deliver(visiteur.event(timestamp=timestamp(NOON)))
    await mesh.deliver(
        visiteur.event(
            timestamp=timestamp(LATER), email="neuve@exemple.fr", role="VIEWER", name="Autre Nom", **nowhere
        )
    )
    copy = await comptoirs.known(visiteur)
    assert (copy.email, copy.last_login_at) == ("neuve@exemple.fr", LATER)
    assert (copy.role, copy.first_name, copy.organisation_id) == (
        "MANAGER",
        "Jeanne",
        visiteur.organisation,
    )


async def test_S16_the_institution_is_the_organisation(
    mesh: Mesh, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """A financial institution is the organisation where no company is named."""
    await mesh.deliver(visiteur.event(company_id="", financial_institution_id=visiteur.organisation))
    assert (await comptoirs.known(visiteur)).organisation_id == visiteur.organisation


async def test_S17_a_newer_event_replaces_what_is_known(
    mesh: Mesh, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """A newer event replaces address, names, role and time; empty texts replace nothing."""
    await mesh.deliver(visiteur.event(timestamp=timestamp(NOON)))
    told = {"email": "n@exemple.fr", "name": "Jeanne Durand", "role": "COMMERCIAL"}
    await mesh.deliver(visiteur.event(timestamp=timestamp(LATER), **told))
    copy = await comptoirs.known(visiteur)
    assert (copy.email, copy.last_name, copy.role) == ("n@exemple.fr", "Durand", "COMMERCIAL")
    assert (copy.last_login_at, copy.evenement_le) == (LATER, LATER)
    await mesh.deliver(visiteur.event(timestamp=timestamp(LATER), name="", role="", email=""))
    same = await comptoirs.known(visiteur)
    assert (same.email, same.last_name, same.role) == ("n@exemple.fr", "Durand", "COMMERCIAL")


async def test_S17_an_older_event_changes_nothing(
    mesh: Mesh, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """An older event changes nothing, not even the time of the last sign-in."""
    await mesh.deliver(visiteur.event(timestamp=timestamp(NOON)))
    await mesh.deliver(visiteur.event(timestamp=timestamp(EARLIER), role="VIEWER", name="Vieux Nom"))
    copy = await comptoirs.known(visiteur)
    assert (copy.role, copy.last_name, copy.version) == ("MANAGER", "Martin", 1)
    assert (copy.last_login_at, copy.evenement_le) == (NOON, NOON)


async def test_S17_an_emergency_copy_becomes_one_of_events(
    mesh: Mesh, database: Database, comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """An event gives the emergency copy the role, id and names of users; there is still one row."""
    await emergency_copy(database, visiteur)
    before = await comptoirs.known(visiteur)
    assert (before.origine, before.role, before.utilisateur_id) == ("secours", "ADMIN", None)
    await mesh.deliver(visiteur.event(role="VIEWER"))
    copy = await comptoirs.known(visiteur)
    assert (copy.id, copy.origine, copy.role) == (before.id, "evenement", "VIEWER")
    assert (copy.first_name, copy.utilisateur_id) == ("Jeanne", visiteur.event().user_id)


async def test_S17_somebody_known_by_his_id_gets_the_new_subject(
    mesh: Mesh, database: Database, visiteur: Visiteur
) -> None:
    """An event with another subject and a known id adds the subject, as after a sign-in with a password."""
    event = visiteur.event()
    await mesh.deliver(event)
    await mesh.deliver(visiteur.event(auth0_id=event.user_id))
    (copy,) = await copies_in(database, visiteur.organisation)
    assert copy.auth0_id == visiteur.sujet
    for subject in (visiteur.sujet, event.user_id):
        found = await copy_of(database, subject)
        assert found is not None
        assert found.id == copy.id


async def test_S11_two_copies_of_one_person_become_the_older_one(
    mesh: Mesh, database: Database, visiteur: Visiteur
) -> None:
    """The older copy takes the other's subjects; the other is hidden, and the account stays one."""
    event = visiteur.event()
    twin = Visiteur(visiteur.organisation, sujet=event.user_id)
    await emergency_copy(database, visiteur, EARLIER)
    await mesh.deliver(visiteur.event(auth0_id=twin.sujet))
    assert len(await copies_in(database, visiteur.organisation)) == 2
    older = await copy_of(database, visiteur.sujet)
    await mesh.deliver(event)
    (copy,) = await copies_in(database, visiteur.organisation)
    assert older is not None
    assert (copy.id, copy.utilisateur_id, copy.role) == (older.id, event.user_id, "MANAGER")
    for subject in (visiteur.sujet, twin.sujet):
        found = await copy_of(database, subject)
        assert found is not None
        assert found.id == copy.id


async def test_S8_an_event_without_a_role_makes_the_first_an_admin(mesh: Mesh, database: Database) -> None:
    """Events without role make the first person ADMIN and the others VIEWER."""
    first = Visiteur()
    second = Visiteur(first.organisation)
    for one in (first, second):
        await mesh.deliver(one.event(role=""))
    assert roles(await copies_in(database, first.organisation)) == ["ADMIN", "VIEWER"]


async def test_S18_two_copies_may_share_an_address(
    mesh: Mesh, database: Database, visiteur: Visiteur
) -> None:
    """Copies may share an address: users keeps addresses unique, and events may come in another order."""
    other = Visiteur(visiteur.organisation)
    await mesh.deliver(visiteur.event())
    await mesh.deliver(other.event(email=visiteur.email))
    copies_ = await copies_in(database, visiteur.organisation)
    assert [copy.email for copy in copies_] == [visiteur.email] * 2


async def test_S19_activity_of_an_organisation_never_goes_back(
    mesh: Mesh, database: Database, visiteur: Visiteur
) -> None:
    """The activity moves to the time of the latest event."""
    for instant in (NOON, EARLIER, LATER, NOON):
        await mesh.deliver(visiteur.event(timestamp=timestamp(instant)))
    organisation = await organisation_in(database, visiteur.organisation)
    assert organisation is not None
    assert organisation.last_activity_at == LATER


async def test_an_event_that_names_nobody_is_a_dead_letter(mesh: Mesh, database: Database) -> None:
    """An event without user_id is a dead letter at once; the next event takes effect."""
    nobody, somebody = Visiteur(), Visiteur()
    await mesh.deliver(nobody.event(user_id="", event_id=str(uuid7())))
    await mesh.deliver(somebody.event())
    assert await copy_of(database, nobody.sujet) is None
    assert await copy_of(database, somebody.sujet) is not None
