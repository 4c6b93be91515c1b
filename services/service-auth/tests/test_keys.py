"""Signing keys: made when needed, rotated without a refused call, deleted when they have served (R8)."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.users.users_pb2 import CreateUtilisateurRequest
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import Conflict, Database, Undecipherable, clock
from gateway.edge import GATEWAY
from grpc import StatusCode
from grpc_utils.jwks import FORCED_PAUSE
from service_auth.housekeeping import look_after_keys
from service_auth.keys import Keyring
from service_auth.models import ACTIVE, RETIREE, CleSignature
from service_auth.service import SERVICE
from service_auth.settings import AuthSettings
from service_clients.service import SERVICE as CLIENTS
from service_kit import App
from service_testing import Mesh, code_of, eventually, fresh_database, running
from service_users.service import SERVICE as USERS
from sqlalchemy import select, update
from tests.connexions import PASSWORD, new_email, new_ip

LEAD = 60


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """A database of auth in which nothing was ever signed."""
    database = Database(fresh_database(SERVICE), "auth")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def settings(app: App[AuthSettings]) -> AuthSettings:
    """Settings of the mesh, with new keys that wait a minute before they sign."""
    return app.settings.model_copy(update={"jwt_key_lead_s": LEAD})


@pytest.fixture
def keyring(database: Database, settings: AuthSettings) -> Keyring:
    """Keyring of that database."""
    return Keyring(database, settings)


async def published(keyring: Keyring) -> list[str]:
    """The ids of the published keys, the newest first."""
    return [key["kid"] for key in json.loads(await keyring.document())["keys"]]


async def etats(database: Database) -> dict[str, str]:
    """State of each key of the table by its id."""
    return {row.kid: row.etat for row in await database.read().all(select(CleSignature))}


async def test_R8_the_first_key_is_made_when_it_is_needed(keyring: Keyring, database: Database) -> None:
    """The first key signs at once and is the only one."""
    kid, key = await keyring.signing()
    assert (await published(keyring), await etats(database)) == ([kid], {kid: ACTIVE})
    assert await keyring.key(kid) == key.public_key()


async def test_R8_processes_that_begin_together_agree(database: Database, settings: AuthSettings) -> None:
    """Processes that start together make one first key."""
    keyrings = [Keyring(database, settings) for _ in range(4)]
    signing = await asyncio.gather(*(keyring.signing() for keyring in keyrings))
    assert len({kid for kid, _ in signing}) == len(await etats(database)) == 1


async def test_R8_a_new_key_is_published_before_it_signs(keyring: Keyring, database: Database) -> None:
    """A new key is published a minute before it signs; the former one signs meanwhile."""
    now = clock.now()
    with clock.frozen_at(now):
        former, _ = await keyring.signing()
        new = (await keyring.rotate()).kid
        assert (await published(keyring), (await keyring.signing())[0]) == ([new, former], former)
    with clock.frozen_at(now + timedelta(seconds=LEAD)):
        assert (await keyring.signing())[0] == new
    assert await etats(database) == {former: RETIREE, new: ACTIVE}


async def test_R8_a_retired_key_stays_until_its_last_token_has_expired(
    keyring: Keyring, database: Database, settings: AuthSettings
) -> None:
    """A retired key is neither published nor stored once its last token has expired."""
    now = clock.now()
    with clock.frozen_at(now):
        former, _ = await keyring.signing()
        new = (await keyring.rotate()).kid
    last_token_ends = now + timedelta(seconds=LEAD + settings.jwt_ttl_s)
    with clock.frozen_at(last_token_ends):
        await keyring.look_after()
        assert await published(keyring) == [new, former]
        assert await keyring.key(former) is not None
    with clock.frozen_at(last_token_ends + timedelta(minutes=5)):
        assert (await published(keyring), await keyring.key(former)) == ([new], None)
        await keyring.look_after()
    assert await etats(database) == {new: ACTIVE}


async def test_R8_a_key_is_rotated_after_ninety_days(keyring: Keyring, database: Database) -> None:
    """The job rotates a key of 90 days, and none that is younger."""
    now = clock.now()
    with clock.frozen_at(now):
        former, _ = await keyring.signing()
    counts = []
    for days in (89, 90, 91):
        with clock.frozen_at(now + timedelta(days=days)):
            await keyring.look_after()
        counts.append([*(await etats(database)).values()].count(ACTIVE) + len(await etats(database)))
    assert counts == [2, 3, 2]
    assert former not in await etats(database)


async def test_R8_two_rotations_at_once_are_one(database: Database, settings: AuthSettings) -> None:
    """One of two parallel rotations is refused; one key is active."""
    keyrings = [Keyring(database, settings) for _ in range(2)]
    await asyncio.gather(*(keyring.signing() for keyring in keyrings))
    rotated = await asyncio.gather(*(keyring.rotate() for keyring in keyrings), return_exceptions=True)
    conflicts = [error for error in rotated if isinstance(error, Conflict)]
    assert [*(await etats(database)).values()].count(ACTIVE) == 1
    assert len(conflicts) + len([key for key in rotated if isinstance(key, CleSignature)]) == 2


async def test_R8_a_private_key_opens_in_its_row_alone(
    keyring: Keyring, database: Database, settings: AuthSettings
) -> None:
    """A private key copied to another row cannot be deciphered (C15)."""
    sealed = (await keyring.rotate()).cle_privee
    async with database.transaction() as tx:
        await tx.execute(update(CleSignature).where(CleSignature.etat == RETIREE).values(cle_privee=sealed))
    with pytest.raises(Undecipherable):
        await Keyring(database, settings).signing()  # during the lead the former key signs


async def test_R8_known_keys_outlive_the_database(keyring: Keyring, database: Database) -> None:
    """A key that was read stays known while the database is away."""
    kid, key = await keyring.signing()
    await database.close()
    assert await keyring.key(kid) == key.public_key()


async def test_R8_the_job_looks_after_the_keys(app: App[AuthSettings], auth: AuthServiceStub) -> None:
    """A second run of the job changes nothing."""
    await look_after_keys(app)
    before = await etats(app.database)
    await look_after_keys(app)
    assert await etats(app.database) == before


class Load:
    """Sign-ins, each followed by calls with a token of every key seen; *codes* are how they ended."""

    def __init__(self, mesh: Mesh, email: str) -> None:
        self.codes: set[StatusCode] = set()
        self.seen: dict[str, str] = {}
        self._mesh, self._email = mesh, email
        self._auth = mesh.service_stub(AuthServiceStub, caller="users")
        self._tokens = mesh.service_stub(TokenServiceStub, caller="users")

    async def until_signed_by(self, kid: str) -> None:
        """Go on until the key named *kid* has signed, then one round more."""

        async def has_signed() -> bool:
            await self._round()
            return kid in self.seen

        await eventually(has_signed, timeout=60, every=0.1)
        await self._round()

    async def _round(self) -> None:
        typed = pb.LoginRequest(email=self._email, mot_de_passe=PASSWORD, ip=new_ip())
        token = (await self._auth.Login(typed)).token
        self.seen.setdefault(jwt.get_unverified_header(token)["kid"], token)
        for known in {token, *self.seen.values()}:
            async with self._mesh.channel("clients", known) as channel:
                clients = ClientBaseServiceStub(channel)
                self.codes.add(await code_of(clients.List(ListClientBasesRequest())))
            answer = await self._tokens.VerifyToken(pb.VerifyTokenRequest(token=known))
            self.codes.add(StatusCode.OK if answer.valide else StatusCode.UNAUTHENTICATED)


async def test_R8_rotation_under_load_refuses_no_valid_call() -> None:
    """Verifiers fetch keys every ten seconds at most; a lead above that refuses no call."""
    few = (replace(SERVICE, workers=()), USERS, CLIENTS, GATEWAY)
    settings: dict[str, Any] = {"bcrypt_cost": 4, "jwt_key_lead_s": FORCED_PAUSE + 0.5}
    async with running(*few, **settings) as mesh:
        people, email = mesh.service_stub(UtilisateurServiceStub, caller="auth"), new_email()
        await people.Create(CreateUtilisateurRequest(email=email, mot_de_passe=PASSWORD))
        app: Any = mesh["auth"].app
        load = Load(mesh, email)
        await load.until_signed_by((await Keyring.of(app).signing())[0])
        await load.until_signed_by((await Keyring.of(app).rotate()).kid)
    assert (load.codes, len(load.seen)) == ({StatusCode.OK}, 2)
