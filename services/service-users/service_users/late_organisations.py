"""The job that makes organisations known to their service after it did not answer (R11)."""

import logging
from datetime import timedelta

from service_kit import App, Worker
from sqlalchemy import select

from service_users.models import OrganisationAAssurer
from service_users.organisations import Ensured, Organisations
from service_users.settings import UsersSettings

_log = logging.getLogger(__name__)

_LEFT = select(OrganisationAAssurer).order_by(OrganisationAAssurer.created_at).limit(100)


async def ensure_late_ones(app: App[UsersSettings]) -> None:
    """Make the organisations known that are left; stop at the first silence of their service."""
    organisations = Organisations(app.peers)
    for left in await app.database.read().all(_LEFT):
        ensured = await organisations.ensure(left.organisation_id, left.type_utilisateur)
        if ensured is Ensured.LATER:
            return
        if ensured is Ensured.GONE:
            _log.warning("organisation %s has members but was deleted", left.organisation_id)
        async with app.database.transaction() as tx:
            await tx.delete(left)


LATE_ONES = Worker("organisations", ensure_late_ones, every=timedelta(seconds=30))
