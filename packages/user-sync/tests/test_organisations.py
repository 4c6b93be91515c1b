"""The account of an organisation that is new here: made once, and always in the end (S20)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from db_utils import Database
from service_testing import Mesh, running
from tests.comptoirs.models import Panne
from tests.comptoirs.service import COMPTABILITE, COMPTABILITE_SYNC
from tests.visiteurs import Visiteur, accounts, copies_in, new_org, organisation_in
from user_sync.models import OrganisationLocale


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """One counter alone; the tests run its jobs."""
    async with running(COMPTABILITE) as mesh:
        yield mesh


@pytest.fixture
def database(mesh: Mesh) -> Database:
    """Database of the counter."""
    return mesh.database("comptabilite")


@pytest.fixture
async def broken(database: Database) -> Panne:
    """An organisation whose account cannot be opened for now."""
    async with database.transaction() as tx:
        return await tx.insert(Panne(organisation_id=new_org()))


async def known(database: Database, organisation: str) -> OrganisationLocale:
    """Return the organisation, which is there."""
    found = await organisation_in(database, organisation)
    assert found is not None
    return found


async def open_accounts(mesh: Mesh) -> None:
    """Run the job."""
    app: Any = mesh["comptabilite"].app
    await COMPTABILITE_SYNC.ouvrir_organisations(app)


async def repair(database: Database, panne: Panne) -> None:
    """Let the account be opened."""
    async with database.transaction() as tx:
        await tx.delete(panne)


@pytest.mark.parametrize("first", [True, False])
async def test_S20_the_hook_runs_once_for_an_organisation(
    mesh: Mesh, database: Database, visiteur: Visiteur, first: bool
) -> None:
    """The first person of an organisation has the account opened, at his first sign-in or a later one."""
    await mesh.deliver(visiteur.event(is_first_login=first))
    await mesh.deliver(Visiteur(visiteur.organisation).event(is_first_login=True))
    organisation = await known(database, visiteur.organisation)
    assert (organisation.initialisation_etat, organisation.initialisee_le is None) == ("fait", False)
    assert await accounts(database, visiteur.organisation) == 1


async def test_S20_a_failing_hook_keeps_nobody_out(mesh: Mesh, database: Database, broken: Panne) -> None:
    """Copies are made though the hook fails; it is not tried again at each sign-in."""
    for _ in range(2):
        await mesh.deliver(Visiteur(broken.organisation_id).event())
    organisation = await known(database, broken.organisation_id)
    assert (organisation.initialisation_etat, organisation.initialisee_le) == ("echec", None)
    assert len(await copies_in(database, broken.organisation_id)) == 2
    assert await accounts(database, broken.organisation_id) == 0
    await repair(database, broken)
    await mesh.deliver(Visiteur(broken.organisation_id).event())
    assert (await known(database, broken.organisation_id)).initialisation_etat == "echec"


async def test_S20_a_first_sign_in_tries_the_hook_again(
    mesh: Mesh, database: Database, broken: Panne
) -> None:
    """A person's first sign-in runs a failed hook again, without waiting for the job."""
    await mesh.deliver(Visiteur(broken.organisation_id).event())
    await repair(database, broken)
    await mesh.deliver(Visiteur(broken.organisation_id).event(is_first_login=True))
    assert (await known(database, broken.organisation_id)).initialisation_etat == "fait"


async def test_S20_the_job_runs_a_failed_hook_again(mesh: Mesh, database: Database, broken: Panne) -> None:
    """The job runs a failed hook until it succeeds, and never after that."""
    await mesh.deliver(Visiteur(broken.organisation_id).event())
    await open_accounts(mesh)
    assert (await known(database, broken.organisation_id)).initialisation_etat == "echec"
    await repair(database, broken)
    for _ in range(2):
        await open_accounts(mesh)
    assert (await known(database, broken.organisation_id)).initialisation_etat == "fait"
    assert await accounts(database, broken.organisation_id) == 1
