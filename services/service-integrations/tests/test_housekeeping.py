"""Deletion of rows that nobody needs any more (R25), and the jobs of the service."""

from datetime import timedelta

import pytest
from db_utils import Row, clock, uuid7
from service_integrations.housekeeping import PURGE
from service_integrations.models import GOOGLE, OAUTH_INITIATED, AuditIntegration, OauthState
from service_integrations.service import SERVICE
from service_integrations.settings import IntegrationsSettings
from service_kit import App

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def survives(app: App[IntegrationsSettings], row: Row, key: object, after: timedelta) -> bool:
    """Tell whether *row*, written now, is still there when the job has run twice *after* a while."""
    async with app.database.transaction() as tx:
        await tx.insert(row)
    with clock.frozen_at(clock.now() + after):
        for _ in range(2):
            await PURGE.run(app)
    return await app.database.read().get(type(row), key) is not None  # type: ignore[arg-type]  # keys may be bytes


@pytest.mark.parametrize(("after", "kept"), [(365 * DAY - HOUR, True), (365 * DAY + HOUR, False)])
async def test_R25_the_audit_is_kept_for_a_year(
    app: App[IntegrationsSettings], after: timedelta, kept: bool
) -> None:
    """A line is deleted after 365 days and not before."""
    row = AuditIntegration(provider=GOOGLE, evenement=OAUTH_INITIATED)
    assert await survives(app, row, row.id, after) == kept


@pytest.mark.parametrize(("after", "kept"), [(DAY - HOUR, True), (DAY + HOUR, False)])
async def test_R25_begun_connections_are_kept_for_a_day(
    app: App[IntegrationsSettings], after: timedelta, kept: bool
) -> None:
    """A begun connection stays a day, so that a late second use is told from an unknown nonce."""
    nonce = uuid7().bytes
    row = OauthState(nonce_hash=nonce, user_id="u", provider=GOOGLE, redirect_url="", expire_le=clock.now())
    assert await survives(app, row, nonce, after) == kept


def test_C18_jobs_never_run_twice_at_once() -> None:
    """Every job but the one that listens is exclusive."""
    jobs = {worker.name: (worker.every, worker.exclusive) for worker in SERVICE.workers}
    assert jobs.pop("cache")[1] is False
    assert jobs == {
        "rafraichir_echeances": (timedelta(seconds=60), True),
        "reencrypt": (DAY, True),
        "purge": (HOUR, True),
    }
