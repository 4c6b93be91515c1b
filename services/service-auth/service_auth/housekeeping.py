"""Jobs of this service: signing keys are rotated, rows that have served are deleted."""

from datetime import timedelta

from db_utils import Conflict, Retention, purge_job
from service_kit import App, Worker
from sqlalchemy import func

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


async def look_after_keys(app: App[AuthSettings]) -> None:
    """Make the first signing key, rotate an old one, forget those that have served."""
    try:
        await Keyring.of(app).look_after()
    except Conflict:
        return  # an operator has rotated at this moment; the next run looks again


# Each table keeps its rows as long as somebody may ask for them (R4, R5, R13, R15). A lock that is in
# force counts from its end; GREATEST passes over the NULL of the others.
PURGE = purge_job(
    Retention(TentativeConnexion, TentativeConnexion.created_at, JOURNAL_KEPT),
    Retention(DemandeOauth, DemandeOauth.created_at, DEMANDES_KEPT),
    Retention(JetonRevoque, JetonRevoque.expire_le, REVOCATIONS_KEPT),
    Retention(RevocationGlobale, RevocationGlobale.avant, _GLOBALES_KEPT),
    Retention(RevocationOrganisation, RevocationOrganisation.avant, _GLOBALES_KEPT),
    Retention(Verrou, func.greatest(Verrou.updated_at, Verrou.verrouille_jusqu_a), MEMORY),
)
KEYS = Worker("keys", look_after_keys, every=timedelta(hours=1))
