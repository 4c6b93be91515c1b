"""Connections that were begun: their secrets and their only use (R4, R5). States are in `states.py`."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from db_utils import Envelope, Transaction, clock
from sqlalchemy import bindparam, select, update

from service_integrations.adapter import Adapter
from service_integrations.models import OauthState
from service_integrations.states import LIFETIME, NONCE, State, StateRefused, StateSigner

_VERIFIER = 48  # bytes: 64 characters of base64url, all of the alphabet of RFC 7636 section 4.1

_nonce = OauthState.nonce_hash == bindparam("nonce")
_KNOWN = select(OauthState.nonce_hash).where(_nonce)
# The condition and the use are one statement: of callbacks at once one is served (R4).
_CONSUME = (
    update(OauthState)
    .where(_nonce, OauthState.consomme_le.is_(None))
    .values(consomme_le=bindparam("now", type_=OauthState.created_at.type))
    .returning(OauthState)
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A connection that was begun: its state and challenge for the provider, good until *expire_le*."""

    state: str
    code_challenge: str
    expire_le: datetime


class PendingConnections:
    """The connections under way, whose states *signer* signs and whose verifiers *envelope* seals."""

    def __init__(self, signer: StateSigner, envelope: Envelope) -> None:
        self._signer, self._envelope = signer, envelope

    async def begin(
        self,
        tx: Transaction,
        user_id: str,
        organisation_id: str | None,
        adapter: Adapter,
        redirect_url: str,
    ) -> Begun:
        """Store a connection that may come back within ten minutes."""
        now = clock.now()
        state = State(user_id, adapter.code, now, secrets.token_bytes(NONCE))
        verifier = secrets.token_urlsafe(_VERIFIER) if adapter.pkce else ""
        row = OauthState(
            nonce_hash=state.nonce_hash,
            user_id=user_id,
            organisation_id=organisation_id,
            provider=adapter.code,
            code_verifier=self._envelope.seal(verifier, _place(state.nonce_hash)) if verifier else None,
            redirect_url=redirect_url,
            created_at=now,
            expire_le=now + LIFETIME,
        )
        await tx.insert(row)
        challenge = _challenge(verifier) if verifier else ""
        return Begun(self._signer.written(state), challenge, row.expire_le)

    def read(self, state: str, provider: str) -> State:
        """Read *state*, which has come back from *provider*. Raises StateRefused."""
        return self._signer.read(state, provider, clock.now())

    async def consume(self, tx: Transaction, state: State) -> OauthState:
        """Use up the connection of *state*, once. Raises StateRefused."""
        row = await tx.one(_CONSUME, nonce=state.nonce_hash, now=clock.now())
        if row is None:
            known = await tx.one(_KNOWN, nonce=state.nonce_hash)
            raise StateRefused("unknown nonce" if known is None else "used before", state.user_id)
        return row

    def verifier(self, row: OauthState) -> str:
        """The PKCE verifier of a connection, "" for a provider without. Raises Undecipherable."""
        if row.code_verifier is None:
            return ""
        return self._envelope.open(row.code_verifier, _place(row.nonce_hash))


def _challenge(verifier: str) -> str:
    """The PKCE challenge of a verifier: S256 of RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _place(nonce_hash: bytes) -> str:
    return f"integrations.oauth_states.code_verifier:{nonce_hash.hex()}"
