"""Login: who gets in, who does not, and that nobody learns why."""

import asyncio
import logging
from datetime import timedelta
from functools import partial

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_auth.guard import Guard
from service_auth.models import TentativeConnexion, Verrou
from service_auth.settings import AuthSettings
from service_kit import App
from service_kit.testing import Mesh, code_of, eventually, refusal, refused
from sqlalchemy import func, select
from tests.connexions import PASSWORD, MakeSomeone, Someone, new_email, new_ip

WRONG = "un autre mot de passe"
INVALID = (StatusCode.UNAUTHENTICATED, "IDENTIFIANTS_INVALIDES", "Identifiants invalides")


async def guess(auth: AuthServiceStub, somebody: Someone, times: int) -> list[tuple[StatusCode, str]]:
    """How wrong passwords are refused, one after the other."""
    return [await refused(auth.Login(somebody.login(WRONG))) for _ in range(times)]


async def test_R2_a_password_opens(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """The answer has the token, its end, and the person with the organisation of the membership."""
    jeanne = await someone(organisation_id="org-login", photo_url="https://images.exemple/1")
    before = clock.timestamp()
    answer = await auth.Login(jeanne.login())
    assert answer.message == "Connexion réussie"
    assert answer.user == pb.UtilisateurConnecte(
        id=jeanne.id,
        email=jeanne.email,
        nom="Martin",
        prenom="Jeanne",
        photo_url="https://images.exemple/1",
        organisation_id="org-login",
        role="ADMIN",
    )
    assert 3599 <= answer.expire_le.ToNanoseconds() / 1e9 - before <= 3610
    assert not answer.nouvel_utilisateur


async def test_R2_the_address_is_taken_as_people_write_it(auth: AuthServiceStub, jeanne: Someone) -> None:
    """In any case, with spaces around."""
    answer = await auth.Login(jeanne.login(email=f"  {jeanne.email.upper()} "))
    assert answer.user.id == jeanne.id


async def test_R2_a_sign_in_is_announced_once(mesh: Mesh, auth: AuthServiceStub, jeanne: Someone) -> None:
    """By users, after the answer; a failure announces nothing."""
    await guess(auth, jeanne, 1)
    await auth.Login(jeanne.login())

    def about_jeanne(event: UserLoginEvent) -> bool:
        return event.user_id == jeanne.id

    (event,) = await mesh.published(UserLoginEvent, 1, where=about_jeanne)
    assert (event.is_first_login, event.email) == (True, jeanne.email)


@pytest.mark.parametrize(
    ("changes", "reason", "champ"),
    [
        ({"email": ""}, "CHAMP_REQUIS", "email"),
        ({"email": "   "}, "CHAMP_REQUIS", "email"),
        ({"password": ""}, "CHAMP_REQUIS", "mot_de_passe"),
        ({"email": "jeanne"}, "FORMAT_INVALIDE", "email"),
        ({"email": "a@" + "b" * 300}, "TROP_LONG", "email"),
        ({"password": "é" * 36 + "x"}, "TROP_LONG", "mot_de_passe"),
        ({"ip": "999.1.1.1"}, "FORMAT_INVALIDE", "ip"),
    ],
)
async def test_R1_what_is_not_an_attempt(
    app: App[AuthSettings],
    auth: AuthServiceStub,
    jeanne: Someone,
    changes: dict[str, str],
    reason: str,
    champ: str,
) -> None:
    """INVALID_ARGUMENT names the field; the journal has no line of it."""
    told = await refusal(auth.Login(jeanne.login(**changes)))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    journal = select(TentativeConnexion.id).where(TentativeConnexion.ip == jeanne.ip)
    assert await app.database.read().all(journal) == []


async def test_R1_a_password_of_72_bytes_is_an_attempt(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """Whatever its characters."""
    long = "é" * 36
    jeanne = await someone(mot_de_passe=long)
    assert (await auth.Login(jeanne.login(long))).user.id == jeanne.id


async def test_R3_nobody_learns_what_was_wrong(
    auth: AuthServiceStub, people: UtilisateurServiceStub, someone: MakeSomeone
) -> None:
    """Wrong password, unknown address, disabled, deleted, without password: one answer, to the byte."""
    jeanne, paul, luc = await someone(), await someone(), await someone()
    google = await someone(mot_de_passe="", generer_mot_de_passe=True)
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=paul.id, actif=False))
    await people.Delete(users_pb2.DeleteUtilisateurRequest(id=luc.id))
    attempts = [
        jeanne.login(WRONG),
        jeanne.login("\x00" * 8),
        jeanne.login(email=new_email()),
        paul.login(),
        luc.login(),
        google.login(),
    ]
    told = [await refusal(auth.Login(attempt)) for attempt in attempts]
    assert {(one.code, one.reason, one.message) for one in told} == {INVALID}
    assert len({(one.domain, tuple(one.metadata.items()), one.fields) for one in told}) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_R4_the_sixth_attempt_is_locked_out(
    auth: AuthServiceStub, someone: MakeSomeone, known: bool
) -> None:
    """Also with the right password, also for an address that nobody has."""
    somebody = await someone()
    email = somebody.email if known else new_email()
    for _ in range(5):
        assert await refused(auth.Login(somebody.login(WRONG, email=email))) == INVALID[:2]
    told = await refusal(auth.Login(somebody.login(email=email)))
    assert (told.code, told.reason) == (StatusCode.RESOURCE_EXHAUSTED, "COMPTE_VERROUILLE")
    assert 890 <= int(told.metadata["retry_after_s"]) <= 900
    assert told.message == "Trop de mots de passe erronés : réessayez plus tard."


async def test_R4_a_lock_ends(auth: AuthServiceStub, jeanne: Someone) -> None:
    """15 minutes and a second after the fifth failure, and it is not lengthened meanwhile."""
    now = clock.now()
    with clock.frozen_at(now):
        await guess(auth, jeanne, 5)
    with clock.frozen_at(now + timedelta(minutes=14)):
        locked = await refused(auth.Login(jeanne.login()))
    with clock.frozen_at(now + timedelta(minutes=15, seconds=1)):
        assert (await auth.Login(jeanne.login())).user.id == jeanne.id
    assert locked == (StatusCode.RESOURCE_EXHAUSTED, "COMPTE_VERROUILLE")


async def test_R4_a_success_clears_the_count(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Four failures before it do not count any more."""
    await guess(auth, jeanne, 4)
    await auth.Login(jeanne.login())
    assert set(await guess(auth, jeanne, 4)) == {INVALID[:2]}
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R4_a_locked_address_does_not_reach_users(
    mesh: Mesh, auth: AuthServiceStub, jeanne: Someone
) -> None:
    """It is refused as before while users is away."""
    await guess(auth, jeanne, 5)
    async with mesh.without("users"):
        assert await refused(auth.Login(jeanne.login())) == (
            StatusCode.RESOURCE_EXHAUSTED,
            "COMPTE_VERROUILLE",
        )


async def test_R5_twenty_logins_a_minute_are_enough(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Whatever their results; a minute later there is room again, and others are not concerned."""
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
    """Over many emails in a quarter of an hour; then also the right password must wait."""
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


async def test_R5_one_address_has_one_spelling(auth: AuthServiceStub, jeanne: Someone) -> None:
    """An IPv4 address inside IPv6 is the same bucket."""
    now = clock.now()
    with clock.frozen_at(now):
        for number in range(20):
            await auth.Login(jeanne.login(ip=jeanne.ip if number % 2 else f"::ffff:{jeanne.ip}"))
        assert (await refused(auth.Login(jeanne.login())))[1] == "TROP_DE_REQUETES"


async def test_R5_unknown_addresses_share_a_bucket(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Named `inconnue`."""
    later = clock.now() + timedelta(days=3)
    with clock.frozen_at(later):
        for number in range(20):
            await auth.Login(jeanne.login(ip="" if number % 2 else "inconnue"))
        assert (await refused(auth.Login(jeanne.login(ip=""))))[1] == "TROP_DE_REQUETES"
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(ip="inconnue"))
    assert {tentative.ip for tentative in listed.tentatives} == {"inconnue"}


async def test_R6_of_ten_parallel_guesses_five_reach_users(auth: AuthServiceStub, jeanne: Someone) -> None:
    """The others are answered locked."""
    answers = await asyncio.gather(
        *(auth.Login(jeanne.login(WRONG)) for _ in range(10)), return_exceptions=True
    )
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert sorted(codes, key=str) == sorted(
        [StatusCode.UNAUTHENTICATED] * 5 + [StatusCode.RESOURCE_EXHAUSTED] * 5, key=str
    )


async def test_R6_parallel_sign_ins_do_not_lock(auth: AuthServiceStub, jeanne: Someone) -> None:
    """Four at a time, again and again: each slot is given back."""
    for _ in range(3):
        answers = await asyncio.gather(*(auth.Login(jeanne.login()) for _ in range(4)))
        assert {answer.user.id for answer in answers} == {jeanne.id}


async def test_R7_without_users_nothing_is_counted(
    mesh: Mesh, app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone
) -> None:
    """UNAVAILABLE as often as one likes, and afterwards the password opens."""
    async with mesh.without("users"):
        told = [await refused(auth.Login(jeanne.login(ip=new_ip()))) for _ in range(3)]
    assert set(told) == {(StatusCode.UNAVAILABLE, "UTILISATEURS_INDISPONIBLES")}
    held = select(Verrou.echecs).where(func.cardinality(Verrou.echecs) > 0)
    hashed = Guard(app).hashed(jeanne.email)
    assert await app.database.read().all(held.where(Verrou.email_hash == hashed)) == []
    assert await eventually(partial(_opens, auth, jeanne))


async def _opens(auth: AuthServiceStub, somebody: Someone) -> bool:
    """Whether the password opens; not while users is not reached again."""
    return await code_of(auth.Login(somebody.login(ip=new_ip()))) == StatusCode.OK


async def test_R8_a_token_says_who_signed_in(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """And nothing secret."""
    jeanne = await someone(organisation_id="org-claims", photo_url="https://images.exemple/2")
    now = clock.now()
    with clock.frozen_at(now):
        claims = jwt.decode((await auth.Login(jeanne.login())).token, options={"verify_signature": False})
    jti = claims.pop("jti")
    assert len(jti) == 36
    assert claims == {
        "iss": "crm-auth",
        "aud": "crm",
        "sub": jeanne.id,
        "userId": jeanne.id,
        "email": jeanne.email,
        "given_name": "Jeanne",
        "family_name": "Martin",
        "picture": "https://images.exemple/2",
        "organisation_id": "org-claims",
        "user_type": "UTILISATEUR",
        "role": "ADMIN",
        "amr": ["pwd"],
        "auth_time": int(now.timestamp()),
        "iat": now.timestamp(),
        "nbf": now.timestamp(),
        "exp": now.timestamp() + 3600,
    }


async def test_R8_without_membership_the_organisation_is_empty(
    auth: AuthServiceStub, jeanne: Someone
) -> None:
    """The claim is there, so that no request can name another one (C6)."""
    token = (await auth.Login(jeanne.login())).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["organisation_id"], claims["role"]) == ("", "")


async def test_C16_logs_hold_no_secret(
    auth: AuthServiceStub, jeanne: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the passwords nor the token nor the address."""
    with caplog.at_level(logging.DEBUG):
        await guess(auth, jeanne, 1)
        token = (await auth.Login(jeanne.login())).token
    for secret in (PASSWORD, WRONG, token, jeanne.email):
        assert secret not in caplog.text
