"""Lists in memory: trusted while fresh and unchanged, shown old without a database (R18, R20)."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from crm.integrations import integrations_pb2 as pb
from db_utils import Database, DatabaseUnavailable, clock
from service_integrations.cache import FRESH, MOST_USERS, USABLE, Cache
from service_integrations.parts import Parts
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import Mesh, eventually, fresh_database, refused, running
from service_testing.oauth import TOKEN, OauthProvider
from tests.titulaires import STILL, Personne, listed, looks, remembered

SECOND = timedelta(seconds=1)


class Loader:
    """A source of one value, which can be slow or away."""

    def __init__(self) -> None:
        self.value, self.loads, self.away = 1, 0, False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, user_id: str) -> int:
        """The value at the moment of the call, once the gate is open."""
        self.loads += 1
        value = self.value
        await self.gate.wait()
        if self.away:
            raise DatabaseUnavailable
        return value


@pytest.fixture
async def database() -> Any:
    """A database whose connections end with the test."""
    database = Database(fresh_database(), "integrations")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def loader() -> Loader:
    """The source that the cache loads from."""
    return Loader()


@pytest.fixture
async def cache(database: Database, loader: Loader) -> Any:
    """A cache that hears the changes of others."""
    cache = Cache(database, loader)
    listening = asyncio.create_task(cache.keep_listening())
    await eventually(lambda: cache.listening)
    yield cache
    listening.cancel()
    await asyncio.wait((listening,))


async def test_R18_a_list_is_remembered_for_five_minutes(cache: Cache[int], loader: Loader) -> None:
    """A value is loaded again after 300 s."""
    with clock.frozen_at(now := clock.now()):
        assert (await cache.get("u")).value == 1
    loader.value = 2
    with clock.frozen_at(now + timedelta(seconds=FRESH) - SECOND):
        assert (await cache.get("u")).value == 1
    with clock.frozen_at(now + timedelta(seconds=FRESH)):
        assert (await cache.get("u")).value == 2
    assert loader.loads == 2


async def test_R18_another_instance_tells_what_it_has_changed(
    cache: Cache[int], loader: Loader, database: Database
) -> None:
    """NOTIFY makes the cache forget the user it names, and nobody else."""
    for user_id in ("u", "v"):
        await cache.get(user_id)
    loader.value = 2
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute("NOTIFY integrations_cache, 'u'")
    await eventually(lambda: _is(cache, "u", 2))
    assert (await cache.get("v")).value == 1


async def _is(cache: Cache[int], user_id: str, value: int) -> bool:
    return (await cache.get(user_id)).value == value


async def test_R18_what_changes_while_it_is_loaded_is_not_remembered(
    cache: Cache[int], loader: Loader
) -> None:
    """A value loaded before the change is not kept."""
    loader.gate.clear()
    loading = asyncio.ensure_future(cache.get("u"))
    await eventually(lambda: loader.loads)
    loader.value = 2
    cache.forget("u")
    loader.gate.set()
    await loading
    assert (await cache.get("u")).value == 2


async def test_R18_a_failed_load_is_not_remembered(cache: Cache[int], loader: Loader) -> None:
    """The call after a failed load loads again."""
    loader.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.get("u")
    loader.away = False
    assert (await cache.get("u")).value == 1


async def test_R18_ten_thousand_users_are_remembered(cache: Cache[int], loader: Loader) -> None:
    """User number 10 001 makes the cache forget the first one."""
    for number in range(MOST_USERS + 1):
        await cache.get(str(number))
    loads = loader.loads
    await cache.get("1")
    assert loader.loads == loads
    await cache.get("0")
    assert loader.loads == loads + 1


async def test_R18_a_lost_line_makes_everything_doubtful(
    cache: Cache[int], loader: Loader, database: Database
) -> None:
    """Values from before and during the loss of the connection are loaded again."""
    await cache.get("u")
    loader.value = 2
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    await eventually(lambda: not cache.listening)
    assert (await cache.get("u")).value == 2
    loader.value = 3
    assert (await cache.get("u")).value == 3
    await eventually(lambda: cache.listening)
    loader.value = 4
    assert (await cache.get("u")).value == 4
    loader.value = 5
    assert (await cache.get("u")).value == 4


async def test_R20_without_a_database_the_last_list_is_shown_for_an_hour(
    cache: Cache[int], loader: Loader
) -> None:
    """The old value is flagged; after an hour, or for an unknown user, there is none."""
    with clock.frozen_at(now := clock.now()):
        await cache.get("u")
    loader.away = True
    with clock.frozen_at(now + timedelta(seconds=USABLE) - SECOND):
        seen = await cache.get("u")
    assert (seen.value, seen.stale) == (1, True)
    with clock.frozen_at(now + timedelta(seconds=USABLE)), pytest.raises(DatabaseUnavailable):
        await cache.get("u")


async def test_R18_a_change_is_seen_at_once(jeanne: Personne) -> None:
    """The user who connects or disconnects sees it in his next list."""
    assert await listed(jeanne) == []
    connected = await jeanne.connect()
    assert await listed(jeanne) == ["connected"]
    await eventually(lambda: remembered(jeanne))
    await jeanne.own.Disconnect(pb.DisconnectRequest(provider="google", account_id=connected.account_id))
    assert await listed(jeanne) == []


async def test_R12_a_remembered_list_tells_the_status_of_now(jeanne: Personne) -> None:
    """The status of a remembered account follows the time."""
    connected = await jeanne.connect()
    await eventually(lambda: remembered(jeanne))
    hits = looks("hit")
    with clock.frozen_at(clock.now()):
        assert await listed(jeanne) == ["connected"]
    end = connected.integration.expires_at.ToDatetime(clock.now().tzinfo)
    with clock.frozen_at(end):
        assert await listed(jeanne) == ["expired"]
    assert looks("hit") >= hits + 1


async def test_R18_every_instance_forgets_what_one_has_changed(
    jeanne: Personne, app: App[IntegrationsSettings], mesh: Mesh, provider: OauthProvider
) -> None:
    """A second instance shows each connection, refresh and disconnection of the first."""
    url = app.settings.database_url.get_secret_value()
    settings: dict[str, Any] = {
        "encryption_keys": mesh.secrets.made["ENCRYPTION_KEYS"],
        **provider.settings(),
    }
    async with running(STILL, database_url=url, **settings) as second:
        other = Personne(jeanne.user_id, second, provider)
        there: Any = second["integrations"].app
        await eventually(lambda: Parts.of(there).accounts.cache.listening)
        assert await listed(other) == []
        connected = await jeanne.connect()
        await eventually(lambda: _shows(other, ["connected"]))
        names = {"provider": "google", "account_id": connected.account_id}
        with provider.failing(TOKEN, 400, of="google", error="invalid_grant"):
            await refused(jeanne.own_tokens.Refresh(pb.RefreshRequest(**names)))
        await eventually(lambda: _shows(other, ["error"]))
        await jeanne.own_tokens.Refresh(pb.RefreshRequest(**names))
        await eventually(lambda: _shows(other, ["connected"]))
        await jeanne.own.Disconnect(pb.DisconnectRequest(**names))
        await eventually(lambda: _shows(other, []))


async def _shows(personne: Personne, statuses: list[str]) -> bool:
    return await listed(personne) == statuses
