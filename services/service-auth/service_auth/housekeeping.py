"""Jobs of this service: signing keys are rotated, rows that have served are deleted."""

from datetime import timedelta

from db_utils import Conflict, clock
from service_kit import App, Worker
from sqlalchemy import DateTime, bindparam, delete, or_

from service_auth.keys import Keyring
from service_auth.limits import MEMORY
from service_auth.models import (
    DemandeOauth,
    JetonRevoque,
    RevocationGlobale,
    RevocationOrganisation,
    TentativeConnexion,
    Verrou,
)
from service_auth.settings import LONGEST_LIFE, AuthSettings

JOURNAL_KEPT = timedelta(days=90)  # R5
DEMANDES_KEPT = timedelta(days=1)  # so that a late callback is told what was wrong (R15)
REVOCATIONS_KEPT = timedelta(hours=1)  # beyond the end of the token, for clocks that differ (R13)
_GLOBALES_KEPT = REVOCATIONS_KEPT + timedelta(seconds=LONGEST_LIFE)

_before = bindparam("before", type_=DateTime(timezone=True))
_PURGES = (
    (delete(TentativeConnexion).where(TentativeConnexion.created_at < _before), JOURNAL_KEPT),
    (delete(DemandeOauth).where(DemandeOauth.created_at < _before), DEMANDES_KEPT),
    (delete(JetonRevoque).where(JetonRevoque.expire_le < _before), REVOCATIONS_KEPT),
    (delete(RevocationGlobale).where(RevocationGlobale.avant < _before), _GLOBALES_KEPT),
    (delete(RevocationOrganisation).where(RevocationOrganisation.avant < _before), _GLOBALES_KEPT),
    (
        delete(Verrou).where(
            Verrou.updated_at < _before,
            or_(Verrou.verrouille_jusqu_a.is_(None), Verrou.verrouille_jusqu_a < _before),
        ),
        MEMORY,
    ),
)


async def purge(app: App[AuthSettings]) -> None:
    """Delete the rows whose time has passed; each table keeps its own (R4, R5, R13, R15)."""
    now = clock.now()
    for statement, kept in _PURGES:
        async with app.database.transaction() as tx:
            await tx.execute(statement, before=now - kept)


async def look_after_keys(app: App[AuthSettings]) -> None:
    """Make the first signing key, rotate an old one, forget those that have served."""
    try:
        await Keyring.of(app).look_after()
    except Conflict:
        return  # an operator has rotated at this moment; the next run looks again


PURGE = Worker("purge", purge, every=timedelta(hours=1))
KEYS = Worker("keys", look_after_keys, every=timedelta(hours=1))
