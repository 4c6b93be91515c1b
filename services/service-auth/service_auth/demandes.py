"""Sign-ins at Google that were begun: their secrets, and their one use (R15, R16)."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from db_utils import Database, Envelope, clock
from sqlalchemy import bindparam, select, update

from service_auth.id_tokens import hashed
from service_auth.models import DemandeOauth
from service_auth.oidc import Demande
from service_auth.refusals import EtatDejaUtilise, EtatExpire, EtatInvalide, RedirectionInvalide

LIFETIME = timedelta(minutes=10)
_RANDOM = 32  # bytes of state, nonce and liaison
_VERIFIER = 48  # bytes: 64 characters of base64url, all of the alphabet of RFC 7636 section 4.1

_BY_STATE = select(DemandeOauth).where(DemandeOauth.state_hash == bindparam("state"))
_CONSUME = (
    update(DemandeOauth)
    .where(DemandeOauth.state_hash == bindparam("state"), DemandeOauth.consomme_le.is_(None))
    .values(consomme_le=bindparam("now", type_=DemandeOauth.created_at.type))
)


@dataclass(frozen=True, slots=True)
class Debut:
    """A sign-in that begins: what goes to the provider, and what stays in the browser until *expire_le*."""

    demande: Demande
    liaison: str
    expire_le: datetime


@dataclass(frozen=True, slots=True)
class Suite:
    """A sign-in that came back and is consumed: what the exchange and the check of its token need."""

    code_verifier: str
    nonce_hash: bytes
    redirect_uri: str
    organisation: str


class Demandes:
    """The begun sign-ins in *database*, with secrets sealed by *envelope*."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database, self._envelope = database, envelope

    async def begin(self, redirect_uri: str, organisation: str) -> Debut:
        """Store a new sign-in to *organisation* that may come back within ten minutes."""
        state, nonce, liaison = (secrets.token_urlsafe(_RANDOM) for _ in range(3))
        verifier, now = secrets.token_urlsafe(_VERIFIER), clock.now()
        row = DemandeOauth(
            state_hash=hashed(state),
            code_verifier=self._envelope.seal(verifier, _place(hashed(state))),
            nonce_hash=hashed(nonce),
            liaison_hash=hashed(liaison),
            redirect_uri=redirect_uri,
            organisation=organisation,
            created_at=now,
            expire_le=now + LIFETIME,
        )
        async with self._database.transaction() as tx:
            await tx.insert(row)
        return Debut(Demande(state, nonce, _challenge(verifier), redirect_uri), liaison, row.expire_le)

    async def consume(self, state: str, liaison: str) -> Suite:
        """Use up the sign-in of *state*, begun by the browser that holds *liaison*, once.

        Raises EtatInvalide, EtatExpire, EtatDejaUtilise.
        """
        state_hash, now = hashed(state), clock.now()
        async with self._database.transaction() as tx:
            row = await tx.one(_BY_STATE, state=state_hash)
            if row is None or not hmac.compare_digest(row.liaison_hash, hashed(liaison)):
                raise EtatInvalide
            if row.expire_le <= now:
                raise EtatExpire
            # Its WHERE lets one of parallel callbacks through; the others wait for the row and find it used.
            if not await tx.execute(_CONSUME, state=state_hash, now=now):
                raise EtatDejaUtilise
        verifier = self._envelope.open(row.code_verifier, _place(state_hash))
        return Suite(verifier, row.nonce_hash, row.redirect_uri, row.organisation)

    async def give_up(self, state: str) -> None:
        """Consume the sign-in of *state*, which the provider has refused; an unknown one changes nothing."""
        async with self._database.transaction() as tx:
            await tx.execute(_CONSUME, state=hashed(state), now=clock.now())


def allowed_redirect(asked: str, allowed: tuple[str, ...]) -> str:
    """The callback to use, the first of *allowed* when none is *asked*. Raises RedirectionInvalide."""
    if not asked:
        return allowed[0]
    if asked not in allowed:
        raise RedirectionInvalide(champ="redirect_uri")
    return asked


def _challenge(verifier: str) -> str:
    """PKCE challenge of *verifier*: its SHA-256 in base64url (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _place(state_hash: bytes) -> str:
    return f"auth.demandes_oauth.code_verifier:{state_hash.hex()}"
