"""Jobs of the service: refreshing in time, sealing anew, deleting, listening (R15, R17, R18, R25)."""

import logging
from datetime import timedelta

from db_utils import DatabaseError, Retention, clock, context, purge_job
from grpc_utils.telemetry import new_correlation
from service_kit import App, Worker
from sqlalchemy import bindparam, select

from service_integrations import refusals
from service_integrations.actualisations import by_fives
from service_integrations.atelier import Atelier
from service_integrations.models import CONNECTED, AuditIntegration, OauthAccount, OauthState
from service_integrations.rotation import ROUND, Rotation
from service_integrations.settings import IntegrationsSettings

_log = logging.getLogger(__name__)

AUDIT_KEPT = timedelta(days=365)
STATES_KEPT = timedelta(days=1)  # so that a late second use is told from an unknown nonce (R25)
AHEAD = timedelta(minutes=10)
MOST, MOST_FAILURES = 100, 3  # accounts of a run; refreshes failed in a row (R15)

_instant = OauthAccount.created_at.type
_DUE = (
    select(OauthAccount)
    .where(
        OauthAccount.status == CONNECTED,
        OauthAccount.refresh_token.is_not(None),
        OauthAccount.expires_at <= bindparam("until", type_=_instant),
        OauthAccount.echecs < MOST_FAILURES,
    )
    .order_by(OauthAccount.expires_at)
    .limit(MOST)
)


async def rafraichir_echeances(app: App[IntegrationsSettings]) -> None:
    """Refresh accounts that end within ten minutes, unless three refreshes in a row have failed (R15)."""
    context.correlation_id.set(new_correlation("integrations"))
    atelier = Atelier.of(app)

    async def refresh(compte: OauthAccount) -> bool:
        try:
            await atelier.actualisations.refreshed(compte)
        except (refusals.ErreurIntegration, DatabaseError) as error:
            _log.warning("an account of %s was not refreshed: %s", compte.provider, error)
            return False
        return True

    due = await app.database.read().all(_DUE, until=clock.now() + AHEAD)
    done = await by_fives(due, refresh)
    if due:
        _log.info("%d of %d accounts were refreshed before their end", sum(done), len(due))


async def reencrypt(app: App[IntegrationsSettings]) -> None:
    """Seal with the first encryption key all tokens that another key has sealed, round by round (R17)."""
    rotation = Rotation(app.database, app.settings.envelope())
    while await rotation.round() == ROUND:
        continue


async def listen(app: App[IntegrationsSettings]) -> None:
    """Hear the changes of other instances (R18)."""
    await Atelier.of(app).comptes.cache.keep_listening()


REFRESH = Worker("rafraichir_echeances", rafraichir_echeances, every=timedelta(seconds=60))
REENCRYPT = Worker("reencrypt", reencrypt, every=timedelta(days=1))
# Audit lines and begun connections that nobody asks for any more (R25).
PURGE = purge_job(
    Retention(AuditIntegration, AuditIntegration.created_at, AUDIT_KEPT),
    Retention(OauthState, OauthState.created_at, STATES_KEPT),
)
LISTEN = Worker("cache", listen, every=timedelta(seconds=1), exclusive=False)
