"""The keys that sign our tokens: made here, sealed at rest, rotated without a refused call (R8).

A new key is published for a while before it signs (`JWT_KEY_LEAD_S`), so that verifiers have
fetched it by then; a retired one stays published until its last token has expired. The keyring
is the key source of our own issuer, and reads the database alone.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from db_utils import Database, DatabaseUnavailable, clock, uuid7
from jwt import PyJWK
from jwt.algorithms import RSAAlgorithm
from service_kit import App
from sqlalchemy import bindparam, delete, select, update

from service_auth.models import ACTIVE, RETIREE, CleSignature
from service_auth.settings import AuthSettings

BITS = 2048
ROTATION = timedelta(days=90)
_MARGIN = timedelta(minutes=5)  # for clock differences, and replicas that have not read the table lately
_REREAD = 10.0  # seconds after which the table is read again
_REREAD_UNKNOWN = 1.0  # seconds, for a key id that is not known

# Newest first: the first row whose *signe_des* has come is the one that signs.
_ALL = select(CleSignature).order_by(CleSignature.signe_des.desc())
_RETIRE = (
    update(CleSignature)
    .where(CleSignature.etat == ACTIVE)
    .values(etat=RETIREE, retiree_le=bindparam("now", type_=CleSignature.created_at.type))
)
_FORGET = delete(CleSignature).where(CleSignature.kid == bindparam("key_id"))


class Keyring:
    """Signing keys of *database*, remembered for ten seconds at most."""

    def __init__(self, database: Database, settings: AuthSettings) -> None:
        self._database, self._envelope = database, settings.envelope()
        self._lead = timedelta(seconds=settings.jwt_key_lead_s)
        self._life = timedelta(seconds=settings.jwt_ttl_s)
        self._rows: Mapping[str, CleSignature] = {}
        self._public: dict[str, RSAPublicKey] = {}
        self._private: dict[str, RSAPrivateKey] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    @classmethod
    def of(cls, app: App[AuthSettings]) -> "Keyring":
        """The one keyring of *app*: signing and verifying see the same keys at once."""
        return app.part(_keyring)

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The published key named *kid*. Raises DatabaseUnavailable while none has been read."""
        await self._fresh(_REREAD if kid in self._rows else _REREAD_UNKNOWN)
        row = self._rows.get(kid)
        if row is None or not self._published(row, clock.now()):
            return None
        if kid not in self._public:
            self._public[kid] = _public(row)
        return self._public[kid]

    async def signing(self) -> tuple[str, RSAPrivateKey]:
        """The id and the private half of the key that signs now; the first key is made here."""
        await self._fresh(_REREAD)
        if not self._rows:
            await self._begin()
        now, rows = clock.now(), [*self._rows.values()]
        row = next((row for row in rows if row.signe_des <= now), rows[-1])
        if row.kid not in self._private:
            self._private[row.kid] = self._opened(row)
        return row.kid, self._private[row.kid]

    async def document(self) -> str:
        """The published keys as a JWK set (RFC 7517), in JSON."""
        await self.signing()
        now = clock.now()
        published = [row.cle_publique for row in self._rows.values() if self._published(row, now)]
        return json.dumps({"keys": published})

    async def rotate(self) -> CleSignature:
        """Publish a new key, which signs after the lead, and retire the active one.

        Raises Conflict when another process does the same at this moment.
        """
        await self.signing()
        now = clock.now()
        row = await self._new_row(now, now + self._lead)
        async with self._database.transaction() as tx:
            await tx.execute(_RETIRE, now=now)
            await tx.insert(row)
        await self._read()
        return row

    async def look_after(self) -> None:
        """Rotate the active key when it is old, forget those whose last token has expired."""
        await self.signing()
        now = clock.now()
        if any(row.etat == ACTIVE and row.created_at + ROTATION <= now for row in self._rows.values()):
            await self.rotate()
        for row in self._rows.values():
            if not self._published(row, now):
                async with self._database.transaction() as tx:
                    await tx.execute(_FORGET, key_id=row.kid)

    def _published(self, row: CleSignature, now: datetime) -> bool:
        """Tell whether a token that *row* has signed may still be good."""
        return row.retiree_le is None or now < row.retiree_le + self._lead + self._life + _MARGIN

    async def _begin(self) -> None:
        """Make the first key, which signs at once; of several processes one succeeds."""
        now = clock.now()
        row = await self._new_row(now, now)
        async with self._database.transaction() as tx:
            await tx.insert_if_absent(row)
        await self._read()

    async def _fresh(self, age: float) -> None:
        """Read the table again when it was read more than *age* seconds ago."""
        async with self._reading:
            if time.monotonic() - self._read_at < age:
                return
            try:
                await self._read()
            except DatabaseUnavailable:
                if not self._rows:  # known keys outlive a short absence
                    raise

    async def _read(self) -> None:
        self._rows = {row.kid: row for row in await self._database.read().all(_ALL)}
        self._read_at = time.monotonic()
        self._public = {kid: key for kid, key in self._public.items() if kid in self._rows}
        self._private = {kid: key for kid, key in self._private.items() if kid in self._rows}

    async def _new_row(self, created_at: datetime, signe_des: datetime) -> CleSignature:
        kid = str(uuid7())
        pem, jwk = await asyncio.to_thread(_generate, kid)
        sealed = self._envelope.seal(pem, _place(kid))
        return CleSignature(
            kid=kid, cle_privee=sealed, cle_publique=jwk, created_at=created_at, signe_des=signe_des
        )

    def _opened(self, row: CleSignature) -> RSAPrivateKey:
        key = load_pem_private_key(self._envelope.open(row.cle_privee, _place(row.kid)).encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return key


def _place(kid: str) -> str:
    return f"auth.cles_signature.cle_privee:{kid}"


def _keyring(app: App[AuthSettings]) -> Keyring:
    return Keyring(app.database, app.settings)


def _generate(kid: str) -> tuple[str, dict[str, object]]:
    """A new private key in PEM and its public half as a JWK."""
    key = generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return pem, {name: jwk[name] for name in ("kty", "n", "e")} | {"kid": kid, "use": "sig", "alg": "RS256"}


def _public(row: CleSignature) -> RSAPublicKey:
    key = PyJWK(row.cle_publique, "RS256").key
    assert isinstance(key, RSAPublicKey)
    return key
