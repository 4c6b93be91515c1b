"""Login: the token of a right password, and refusals that never tell why (R1–R3, R7, R8)."""

import logging
from datetime import timedelta
from functools import partial

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_auth.guard import Guard
from service_auth.models import TentativeConnexion, Verrou
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, code_of, eventually, refusal, refused
from sqlalchemy import func, select
from tests.connexions import INVALID, PASSWORD, WRONG, MakeSomeone, Someone, guess, new_email, new_ip


async def test_R2_a_password_opens(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """The answer has the token, its end, and the person with the organisation of his membership."""
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
    """An email opens in any case and with spaces around it."""
    answer = await auth.Login(jeanne.login(email=f"  {jeanne.email.upper()} "))
    assert answer.user.id == jeanne.id


async def test_R2_a_sign_in_is_announced_once(mesh: Mesh, auth: AuthServiceStub, jeanne: Someone) -> None:
    """A sign-in is announced once, by users and after the answer; a failure is not."""
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
    """INVALID_ARGUMENT names the malformed field, and the journal has no line of it."""
    told = await refusal(auth.Login(jeanne.login(**changes)))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    journal = select(TentativeConnexion.id).where(TentativeConnexion.ip == jeanne.ip)
    assert await app.database.read().all(journal) == []


async def test_R1_a_password_of_72_bytes_is_an_attempt(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """A password of 72 bytes opens, also with 36 characters of two bytes."""
    long = "é" * 36
    jeanne = await someone(mot_de_passe=long)
    assert (await auth.Login(jeanne.login(long))).user.id == jeanne.id


async def test_R3_nobody_learns_what_was_wrong(
    auth: AuthServiceStub, people: UtilisateurServiceStub, someone: MakeSomeone
) -> None:
    """One answer, equal to the byte, for wrong, unknown, disabled, deleted and without password."""
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


async def test_R7_without_users_nothing_is_counted(
    mesh: Mesh, app: App[AuthSettings], auth: AuthServiceStub, jeanne: Someone
) -> None:
    """Attempts while users is away are UNAVAILABLE and count nothing; the password opens afterwards."""
    async with mesh.without("users"):
        told = [await refused(auth.Login(jeanne.login(ip=new_ip()))) for _ in range(2)]
    assert set(told) == {(StatusCode.UNAVAILABLE, "UTILISATEURS_INDISPONIBLES")}
    held = select(Verrou.echecs).where(func.cardinality(Verrou.echecs) > 0)
    hashed = Guard(app).hashed(jeanne.email)
    assert await app.database.read().all(held.where(Verrou.email_hash == hashed)) == []
    assert await eventually(partial(_opens, auth, jeanne), timeout=40.0)  # the circuit may have opened


async def _opens(auth: AuthServiceStub, somebody: Someone) -> bool:
    """Tell whether the password opens, which it does not before users is reached again."""
    return await code_of(auth.Login(somebody.login(ip=new_ip()))) == StatusCode.OK


async def test_R8_a_token_says_who_signed_in(auth: AuthServiceStub, someone: MakeSomeone) -> None:
    """The claims of a token are these and no others; none is secret."""
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
    """The organisation is an empty claim, so that no request can name another one (C6)."""
    token = (await auth.Login(jeanne.login())).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["organisation_id"], claims["role"]) == ("", "")


async def test_R23_the_oldest_active_membership_counts(
    mesh: Mesh, auth: AuthServiceStub, jeanne: Someone
) -> None:
    """The oldest active membership counts, not an older invitation nor a later membership."""
    members, now = mesh.service_stub(MembreServiceStub, caller="auth"), clock.now()
    for hours, etat in enumerate(("invite", "actif", "actif")):
        with clock.frozen_at(now + timedelta(hours=hours)):
            await members.Add(
                users_pb2.AddMembreRequest(
                    organisation_id=f"org-{hours}", utilisateur_id=jeanne.id, role="COMMERCIAL", etat=etat
                )
            )
    user = (await auth.Login(jeanne.login())).user
    assert (user.organisation_id, user.role) == ("org-1", "COMMERCIAL")


async def test_C16_logs_hold_no_secret(
    auth: AuthServiceStub, jeanne: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs hold neither a password nor the token nor the email."""
    with caplog.at_level(logging.DEBUG):
        await guess(auth, jeanne, 1)
        token = (await auth.Login(jeanne.login())).token
    for secret in (PASSWORD, WRONG, token, jeanne.email):
        assert secret not in caplog.text
