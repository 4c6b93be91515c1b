"""Revoked tokens: refused everywhere within moments, and listed for processes that were away (R13)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock, uuid7
from grpc import StatusCode
from grpc_utils import timestamp
from service_auth.models import LOGOUT, MOT_DE_PASSE, TokenRevoque
from service_auth.revocations import OwnToken, revoke_token, revoke_user
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, code_of, eventually, pages, refusal
from tests.connexions import PASSWORD, AsHolder, MakeSomeone, Someone

NEW = "un nouveau mot de passe"
Opens = Callable[[str], Awaitable[StatusCode]]


@pytest.fixture
def opens(mesh: Mesh) -> Opens:
    """Function that tells how a call to another service with a token ends."""

    async def code(token: str) -> StatusCode:
        return await code_of(
            ClientBaseServiceStub(mesh.channel("clients", token)).List(ListClientBasesRequest())
        )

    return code


async def is_refused(opens: Opens, token: str) -> bool:
    """Tell whether other services refuse *token*."""
    return await opens(token) == StatusCode.UNAUTHENTICATED


async def test_R13_a_token_opens_other_services_until_it_is_revoked(
    auth: AuthServiceStub, as_holder: AsHolder, opens: Opens, jeanne: Someone
) -> None:
    """Another service refuses a token after its sign-out, and goes on taking the other one."""
    token, other = [(await auth.Login(jeanne.login())).token for _ in range(2)]
    assert [await opens(one) for one in (token, other)] == [StatusCode.OK] * 2
    await as_holder(token).Logout(pb.LogoutRequest())
    await eventually(partial(is_refused, opens, token))
    assert await opens(other) == StatusCode.OK


async def test_R13_what_is_refused_says_why(
    mesh: Mesh, auth: AuthServiceStub, as_holder: AsHolder, opens: Opens, jeanne: Someone
) -> None:
    """JETON_REVOQUE and its sentence are the answer to a revoked token."""
    token = (await auth.Login(jeanne.login())).token
    await as_holder(token).Logout(pb.LogoutRequest())
    await eventually(partial(is_refused, opens, token))
    told = await refusal(ClientBaseServiceStub(mesh.channel("clients", token)).List(ListClientBasesRequest()))
    assert (told.reason, told.message) == ("JETON_REVOQUE", "Le jeton a été révoqué ; reconnectez-vous.")


async def test_R12_a_new_password_ends_all_sessions_everywhere(
    auth: AuthServiceStub, as_holder: AsHolder, opens: Opens, jeanne: Someone
) -> None:
    """A new password ends all sessions in other services but the one that it opens."""
    token, other = [(await auth.Login(jeanne.login())).token for _ in range(2)]
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=NEW)
    fresh = (await as_holder(token).ChangePassword(change)).token
    for former in (token, other):
        await eventually(partial(is_refused, opens, former))
    assert await opens(fresh) == StatusCode.OK


async def test_R13_a_service_that_was_away_asks_when_it_comes_back(
    mesh: Mesh, auth: AuthServiceStub, as_holder: AsHolder, opens: Opens, jeanne: Someone
) -> None:
    """A service that starts refuses the tokens revoked while it was away."""
    token = (await auth.Login(jeanne.login())).token
    async with mesh.without("clients"):
        await as_holder(token).Logout(pb.LogoutRequest())
    await eventually(partial(is_refused, opens, token))


async def test_R13_auth_is_asked_while_the_broker_is_away(
    mesh: Mesh, auth: AuthServiceStub, as_holder: AsHolder, opens: Opens, jeanne: Someone
) -> None:
    """ListRevoked replaces the bucket while the broker is away."""
    token = (await auth.Login(jeanne.login())).token
    assert await opens(token) == StatusCode.OK
    mesh.broker.kill()
    try:
        await as_holder(token).Logout(pb.LogoutRequest())
        await eventually(partial(is_refused, opens, token))
    finally:
        mesh.broker.start()
        await mesh.ready()


async def test_R13_auth_itself_reads_its_own_tables_while_the_broker_is_away(
    mesh: Mesh, auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone
) -> None:
    """The process of auth refuses a revoked token while the broker is away."""
    token = (await auth.Login(jeanne.login())).token

    async def is_shut() -> bool:
        return await code_of(as_holder(token).Logout(pb.LogoutRequest())) == StatusCode.UNAUTHENTICATED

    mesh.broker.kill()
    try:
        assert not await is_shut()
        await eventually(is_shut)
    finally:
        mesh.broker.start()
        await mesh.ready()


async def test_R13_a_revocation_that_was_committed_late_is_not_missed(
    mesh: Mesh,
    auth: AuthServiceStub,
    as_holder: AsHolder,
    opens: Opens,
    app: App[AuthSettings],
    jeanne: Someone,
) -> None:
    """A revocation with an instant before the last question is found all the same."""
    token, late = [(await auth.Login(jeanne.login())).token for _ in range(2)]
    claims = jwt.decode(late, options={"verify_signature": False})
    end = datetime.fromtimestamp(claims["exp"], UTC)
    mesh.broker.kill()
    try:
        await as_holder(token).Logout(pb.LogoutRequest())
        await eventually(partial(is_refused, opens, token))  # by now, auth was asked
        with clock.frozen_at(clock.now() - timedelta(seconds=10)):
            async with app.database.transaction() as tx:
                await revoke_token(tx, OwnToken(UUID(claims["jti"]), jeanne.id, clock.now(), end), LOGOUT)
        await eventually(partial(is_refused, opens, late))
    finally:
        mesh.broker.start()
        await mesh.ready()


def own_token(utilisateur_id: str, expires_at: datetime) -> OwnToken:
    """A token of the user that no process has seen yet."""
    return OwnToken(uuid7(), utilisateur_id, clock.now(), expires_at)


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_R13_revocations_are_listed_oldest_first(
    app: App[AuthSettings], tokens: TokenServiceStub
) -> None:
    """Revocations after an instant are listed oldest first, of tokens and of whole users."""
    for number in range(4):
        at = LONG_AGO + timedelta(seconds=number)
        with clock.frozen_at(at):
            async with app.database.transaction() as tx:
                if number % 2:
                    await revoke_user(tx, f"user-{number}", at, MOT_DE_PASSE)
                else:
                    await revoke_token(tx, own_token(f"user-{number}", at + timedelta(hours=1)), LOGOUT)
    answer = await tokens.ListRevoked(
        pb.ListRevokedRequest(depuis=timestamp(LONG_AGO), pagination=Pagination(page_size=3))
    )
    users = [(one.utilisateur_id, one.jti == "") for one in answer.revocations]
    ends = [one.expire_le.seconds - one.revoque_le.seconds for one in answer.revocations]
    assert users == [("user-1", True), ("user-2", False), ("user-3", True)]
    assert ends == [24 * 3600, 3600, 24 * 3600]
    assert abs(answer.maintenant.ToNanoseconds() / 1e9 - clock.timestamp()) < 60


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_R13_pages_meet_every_revocation_once(
    app: App[AuthSettings], tokens: TokenServiceStub, size: int
) -> None:
    """Pages hold each revocation once, also when many have the same instant."""
    at = LONG_AGO + timedelta(days=size)
    made = [own_token(f"user-{number}", at + timedelta(hours=1)) for number in range(7)]
    with clock.frozen_at(at):
        async with app.database.transaction() as tx:
            for token in made:
                await revoke_token(tx, token, LOGOUT)
    since = timestamp(at - timedelta(seconds=1))
    request = pb.ListRevokedRequest(depuis=since, pagination=Pagination(page_size=size))
    seen = [one async for page in pages(tokens.ListRevoked, request) for one in page.revocations]
    mine = [one.jti for one in seen if one.revoque_le == timestamp(at)]
    assert sorted(mine) == sorted(str(token.jti) for token in made)


async def test_R13_a_page_holds_a_thousand_at_most(app: App[AuthSettings], tokens: TokenServiceStub) -> None:
    """A page of 5000 is answered with 1000 entries."""
    at = LONG_AGO + timedelta(days=2000)
    async with app.database.transaction() as tx:
        for _ in range(1001):
            row = TokenRevoque(jti=uuid7(), utilisateur_id="u", motif=LOGOUT, revoque_le=at, expire_le=at)
            await tx.insert(row)
    request = pb.ListRevokedRequest(
        depuis=timestamp(at - timedelta(seconds=1)), pagination=Pagination(page_size=5000)
    )
    assert len((await tokens.ListRevoked(request)).revocations) == 1000


async def test_R13_a_page_has_twenty_entries_unless_more_are_asked_for(
    app: App[AuthSettings], tokens: TokenServiceStub
) -> None:
    """A page without a size has 20 entries and the token of the next one."""
    at = LONG_AGO + timedelta(days=1900)
    async with app.database.transaction() as tx:
        for _ in range(21):
            row = TokenRevoque(jti=uuid7(), utilisateur_id="u", motif=LOGOUT, revoque_le=at, expire_le=at)
            await tx.insert(row)
    page = await tokens.ListRevoked(pb.ListRevokedRequest(depuis=timestamp(at - timedelta(seconds=1))))
    assert (len(page.revocations), page.pagination.next_page_token != "") == (20, True)


@pytest.mark.parametrize(
    ("pagination", "reason"),
    [
        (Pagination(page_size=-1), "PAGE_INVALIDE"),
        (Pagination(page_token="x"), "JETON_DE_PAGE_INVALIDE"),
        (Pagination(page_token="W10="), "JETON_DE_PAGE_INVALIDE"),
        (Pagination(page_token="WzEsMiwzXQ=="), "JETON_DE_PAGE_INVALIDE"),
        (Pagination(page_token="é"), "JETON_DE_PAGE_INVALIDE"),
    ],
)
async def test_C8_a_wrong_page_is_refused(
    tokens: TokenServiceStub, pagination: Pagination, reason: str
) -> None:
    """INVALID_ARGUMENT is the answer to a negative size and to a foreign page token."""
    told = await refusal(tokens.ListRevoked(pb.ListRevokedRequest(pagination=pagination)))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R13_revoking_a_user_twice_keeps_the_later_instant(
    app: App[AuthSettings], auth: AuthServiceStub, tokens: TokenServiceStub, someone: MakeSomeone
) -> None:
    """An earlier instant that comes late makes no token good again."""
    jeanne = await someone()
    token = (await auth.Login(jeanne.login())).token
    for at in (clock.now(), LONG_AGO):
        async with app.database.transaction() as tx:
            await revoke_user(tx, jeanne.id, at, MOT_DE_PASSE)
    assert (await tokens.VerifyToken(pb.VerifyTokenRequest(token=token))).motif == "REVOQUE"
