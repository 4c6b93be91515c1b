"""SecurityService: the journal of sign-ins, and the end of a lock (R4, R5)."""

import hmac
from datetime import timedelta
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_auth.guard import address, told
from service_auth.models import TentativeConnexion
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import pages, refusal, refused
from sqlalchemy import select
from tests.connexions import Someone, new_email, new_ip


async def journal(security: SecurityServiceStub, **asked: Any) -> list[str]:
    """Results of the attempts that are asked for, the newest first."""
    everything = Pagination(page_size=100)
    request = pb.ListLoginAttemptsRequest(pagination=everything, **asked)
    listed = await security.ListLoginAttempts(request)
    return [tentative.resultat for tentative in listed.tentatives]


async def test_R5_the_journal_tells_how_attempts_went(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Attempts are found by email and by address; the email is masked."""
    await auth.Login(jeanne.login())
    for _ in range(6):
        await refused(auth.Login(jeanne.login("faux")))
    expected = ["verrouille", *["echec"] * 5, "succes"]
    assert await journal(security, email=jeanne.email.upper()) == expected
    assert await journal(security, ip=jeanne.ip) == expected
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(email=jeanne.email))
    newest = listed.tentatives[0]
    assert (newest.email_masque, newest.methode, newest.ip) == ("p***@exemple.fr", "password", jeanne.ip)
    assert abs(newest.created_at.ToNanoseconds() / 1e9 - clock.timestamp()) < 60


async def test_R5_limited_attempts_are_in_the_journal(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Attempts above the limit are noted as `limite` and do not lengthen it."""
    now = clock.now()
    for seconds in (0, 30):
        with clock.frozen_at(now + timedelta(seconds=seconds)):
            for _ in range(20):
                await refused(auth.Login(jeanne.login("faux", email=new_email())))
    assert (await journal(security, ip=jeanne.ip)).count("limite") == 20
    with clock.frozen_at(now + timedelta(seconds=61)):
        assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R5_email_and_address_together_narrow(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """An attempt must match both email and address when both are asked for."""
    other = new_ip()
    await auth.Login(jeanne.login())
    await refused(auth.Login(jeanne.login("faux", ip=other)))
    assert await journal(security, email=jeanne.email, ip=other) == ["echec"]


async def test_R5_a_period_has_two_ends(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Both instants belong to the period."""
    now = clock.now()
    for minutes in range(4):
        with clock.frozen_at(now + timedelta(minutes=minutes)):
            await auth.Login(jeanne.login())
    request = pb.ListLoginAttemptsRequest(
        email=jeanne.email,
        du=timestamp(now + timedelta(minutes=1)),
        au=timestamp(now + timedelta(minutes=2)),
    )
    assert len((await security.ListLoginAttempts(request)).tentatives) == 2


async def test_C8_pages_walk_the_journal(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Pages hold each attempt once, with the total."""
    for _ in range(5):
        await auth.Login(jeanne.login())
    request = pb.ListLoginAttemptsRequest(
        email=jeanne.email, pagination=Pagination(page_size=2, with_total=True)
    )
    walked = [page async for page in pages(security.ListLoginAttempts, request)]
    instants = [one.created_at.ToNanoseconds() for page in walked for one in page.tentatives]
    assert (len(instants), instants) == (5, sorted(instants, reverse=True))
    assert walked[0].pagination.total == 5


@pytest.mark.parametrize(
    ("asked", "reason"),
    [({}, "CHAMP_REQUIS"), ({"email": "jeanne"}, "FORMAT_INVALIDE"), ({"ip": "1.2.3"}, "FORMAT_INVALIDE")],
)
async def test_R5_the_journal_is_asked_about_somebody(
    security: SecurityServiceStub, asked: dict[str, Any], reason: str
) -> None:
    """INVALID_ARGUMENT is the answer without email and address, and to malformed ones."""
    answer = await refusal(security.ListLoginAttempts(pb.ListLoginAttemptsRequest(**asked)))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R4_an_operator_ends_a_lock(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """UnlockAccount ends a lock at once; a second call finds nothing to end."""
    for _ in range(5):
        await refused(auth.Login(jeanne.login("faux")))
    unlock = pb.UnlockAccountRequest(email=jeanne.email)
    assert [(await security.UnlockAccount(unlock)).success for _ in range(2)] == [True, False]
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


@pytest.mark.parametrize(("email", "reason"), [("", "CHAMP_REQUIS"), ("jeanne", "FORMAT_INVALIDE")])
async def test_R4_a_lock_is_that_of_an_address(
    security: SecurityServiceStub, email: str, reason: str
) -> None:
    """INVALID_ARGUMENT is the answer to UnlockAccount without a well-formed email."""
    answer = await refusal(security.UnlockAccount(pb.UnlockAccountRequest(email=email)))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R5_the_table_does_not_know_emails(
    app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone
) -> None:
    """The table has a keyed hash of an email, which nobody can try without the pepper."""
    await auth.Login(jeanne.login())
    row = await app.database.read().one(select(TentativeConnexion).where(TentativeConnexion.ip == jeanne.ip))
    assert row is not None
    pepper = app.settings.auth_pepper.get_secret_value().encode()
    assert row.email_hash == hmac.digest(pepper, jeanne.email.encode(), "sha256")
    assert jeanne.email not in f"{row.email_masque} {row.user_agent}"


async def test_R5_a_mask_has_eighty_characters_at_most(
    app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone
) -> None:
    """The mask of an email with a long domain is cut."""
    domain = f"{'a' * 60}.{'b' * 60}.exemple.fr"
    await refused(auth.Login(jeanne.login(email=f"jeanne@{domain}")))
    statement = select(TentativeConnexion.email_masque).where(TentativeConnexion.ip == jeanne.ip)
    assert await app.database.read().one(statement) == f"j***@{domain}"[:80]


async def test_R1_a_long_user_agent_is_cut(
    app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone
) -> None:
    """A user agent of 1000 characters is stored with 300 and refuses nobody."""
    await auth.Login(jeanne.login(user_agent="é" * 1000))
    statement = select(TentativeConnexion.user_agent).where(TentativeConnexion.ip == jeanne.ip)
    assert await app.database.read().one(statement) == "é" * 300


@pytest.mark.parametrize(
    ("text", "spelled", "shown"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1", "fe80::1"),
        ("", "0.0.0.0", "inconnue"),
        ("inconnue", "0.0.0.0", "inconnue"),
    ],
)
def test_R5_an_address_has_one_spelling(text: str, spelled: str, shown: str) -> None:
    """An IP address is stored in canonical spelling, unknown ones as `inconnue`."""
    assert (address(text), told(address(text))) == (spelled, shown)
