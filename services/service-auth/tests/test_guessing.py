"""Limits on guessing by email and by IP address, also for parallel attempts (R4–R6)."""

import asyncio
from datetime import timedelta

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_auth.models import ECHEC, PASSWORD, REFUS, SUCCES, VERROUILLE, TentativeConnexion
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, code_of, refusal, refused
from tests.connexions import INVALID, WRONG, MakeSomeone, Someone, guess, new_email, new_ip


@pytest.mark.parametrize("known", [True, False])
async def test_R4_the_sixth_attempt_is_locked_out(
    auth: AuthServiceStub, someone: MakeSomeone, known: bool
) -> None:
    """The sixth attempt is locked out even with the right password, and for unknown emails too."""
    somebody = await someone()
    email = somebody.email if known else new_email()
    for _ in range(5):
        assert await refused(auth.Login(somebody.login(WRONG, email=email))) == INVALID[:2]
    told = await refusal(auth.Login(somebody.login(email=email)))
    assert (told.code, told.reason) == (StatusCode.RESOURCE_EXHAUSTED, "COMPTE_VERROUILLE")
    assert 890 <= int(told.metadata["retry_after_s"]) <= 900
    assert told.message == "Trop de mots de passe erronés : réessayez plus tard."


async def test_R4_a_lock_ends(auth: AuthServiceStub, jeanne: Someone) -> None:
    """A lock ends 15 minutes after the fifth failure; an attempt meanwhile does not lengthen it."""
    now = clock.now()
    with clock.frozen_at(now):
        await guess(auth, jeanne, 5)
    with clock.frozen_at(now + timedelta(minutes=14)):
        locked = await refused(auth.Login(jeanne.login()))
    with clock.frozen_at(now + timedelta(minutes=15, seconds=1)):
        assert (await auth.Login(jeanne.login())).user.id == jeanne.id
    assert locked == (StatusCode.RESOURCE_EXHAUSTED, "COMPTE_VERROUILLE")


async def test_R4_a_success_clears_the_count(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Four failures before a success do not count afterwards."""
    await guess(auth, jeanne, 4)
    await auth.Login(jeanne.login())
    assert set(await guess(auth, jeanne, 4)) == {INVALID[:2]}
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R4_a_locked_address_does_not_reach_users(
    mesh: Mesh, auth: AuthServiceStub, jeanne: Someone
) -> None:
    """COMPTE_VERROUILLE is answered while users is away: it was not asked."""
    await guess(auth, jeanne, 5)
    async with mesh.without("users"):
        assert await refused(auth.Login(jeanne.login())) == (
            StatusCode.RESOURCE_EXHAUSTED,
            "COMPTE_VERROUILLE",
        )


async def test_R5_twenty_logins_a_minute_are_enough(auth: AuthServiceStub, jeanne: Someone) -> None:
    """The 21st attempt of a minute waits, even after successes; other addresses do not."""
    now = clock.now()
    with clock.frozen_at(now):
        for _ in range(20):
            await auth.Login(jeanne.login())
        told = await refusal(auth.Login(jeanne.login()))
        assert (await auth.Login(jeanne.login(ip=new_ip()))).user.id == jeanne.id
    assert (told.code, told.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_REQUETES")
    assert told.metadata == {"retry_after_s": "60"}
    with clock.frozen_at(now + timedelta(seconds=61)):
        assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R5_fifty_failures_stop_an_address(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Fifty failures over many emails within 15 minutes stop the right password too."""
    now = clock.now()
    for minute in range(5):
        with clock.frozen_at(now + timedelta(minutes=minute, seconds=minute)):
            for _ in range(10):
                attempt = jeanne.login(WRONG, email=new_email())
                assert await refused(auth.Login(attempt)) == INVALID[:2]
    with clock.frozen_at(now + timedelta(minutes=10)):
        told = await refusal(auth.Login(jeanne.login()))
    with clock.frozen_at(now + timedelta(minutes=15, seconds=1)):
        assert (await auth.Login(jeanne.login())).user.id == jeanne.id
    assert (told.reason, told.metadata) == ("TROP_DE_REQUETES", {"retry_after_s": "300"})


@pytest.mark.parametrize(
    ("resultat", "counts"), [(ECHEC, True), (REFUS, True), (VERROUILLE, False), (SUCCES, False)]
)
async def test_R5_failures_and_refusals_count(
    app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone, resultat: str, counts: bool
) -> None:
    """Fifty lines `echec` or `refus` of an address stop it; those of locks and successes do not."""
    lately = clock.now() - timedelta(minutes=2)
    async with app.database.transaction() as tx:
        for _ in range(50):
            row = TentativeConnexion(ip=jeanne.ip, methode=PASSWORD, resultat=resultat, created_at=lately)
            await tx.insert(row)
    code = await code_of(auth.Login(jeanne.login()))
    assert code == (StatusCode.RESOURCE_EXHAUSTED if counts else StatusCode.OK)


async def test_R5_one_address_has_one_spelling(auth: AuthServiceStub, jeanne: Someone) -> None:
    """An IPv4 address written as IPv6 counts in the same bucket."""
    now = clock.now()
    with clock.frozen_at(now):
        for number in range(20):
            await auth.Login(jeanne.login(ip=jeanne.ip if number % 2 else f"::ffff:{jeanne.ip}"))
        assert (await refused(auth.Login(jeanne.login())))[1] == "TROP_DE_REQUETES"


async def test_R5_a_network_of_ipv6_counts_as_one_address(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Whoever has a network of 64 bits has no more attempts by all of its addresses than by one."""
    with clock.frozen_at(clock.now()):
        for number in range(20):
            await auth.Login(jeanne.login(ip=f"2001:db8:1:2::{number:x}"))
        told = await refused(auth.Login(jeanne.login(ip="2001:db8:1:2:ffff::1")))
        assert (await auth.Login(jeanne.login(ip="2001:db8:1:3::1"))).user.id == jeanne.id
    assert told == (StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_REQUETES")


async def test_R5_unknown_addresses_share_a_bucket(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Attempts without an address share the bucket `inconnue`."""
    later = clock.now() + timedelta(days=3)
    with clock.frozen_at(later):
        for number in range(20):
            await auth.Login(jeanne.login(ip="" if number % 2 else "inconnue"))
        assert (await refused(auth.Login(jeanne.login(ip=""))))[1] == "TROP_DE_REQUETES"
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(ip="inconnue"))
    assert {tentative.ip for tentative in listed.tentatives} == {"inconnue"}


async def test_R6_of_ten_parallel_guesses_five_reach_users(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Ten parallel wrong passwords end as five failures and five locks."""
    answers = await asyncio.gather(
        *(auth.Login(jeanne.login(WRONG)) for _ in range(10)), return_exceptions=True
    )
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert sorted(codes, key=str) == sorted(
        [StatusCode.UNAUTHENTICATED] * 5 + [StatusCode.RESOURCE_EXHAUSTED] * 5, key=str
    )


async def test_R6_parallel_sign_ins_do_not_lock(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Parallel right passwords give their slots back: four at a time never lock."""
    for _ in range(3):
        answers = await asyncio.gather(*(auth.Login(jeanne.login()) for _ in range(4)))
        assert {answer.user.id for answer in answers} == {jeanne.id}
