"""Calls of the holder of a token: Logout, RenewToken, ChangePassword (R10–R12)."""

import asyncio
from datetime import datetime, timedelta

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_auth.keys import Keyring
from service_auth.models import TokenRevoque
from service_auth.settings import AuthSettings
from service_auth.tokens import Compte, Mint, Session
from service_kit import App
from service_testing import Mesh, refusal, refused
from sqlalchemy import select
from tests.connexions import PASSWORD, AsHolder, MakeSomeone, Someone, new_ip, read
from tests.membres import motif

NEW = "un nouveau mot de passe"
REVOKED = (StatusCode.UNAUTHENTICATED, "JETON_REVOQUE")


@pytest.fixture
async def token(auth: AuthServiceStub, jeanne: Someone) -> str:
    """A token of Jeanne."""
    return (await auth.Login(jeanne.login())).token


async def signed_in_at(app: App[AuthSettings], somebody: Someone, at: datetime, amr: str = "pwd") -> str:
    """A token made now for a session that began *at*."""
    session = Session(amr, int(at.timestamp()))
    mint = Mint(Keyring.of(app), app.settings)
    return (await mint.jeton(Compte(somebody.utilisateur), session, clock.now())).texte


async def test_R10_logout_ends_the_token(as_holder: AsHolder, tokens: TokenServiceStub, token: str) -> None:
    """VerifyToken of auth calls the token void at once."""
    assert await motif(tokens, token) == ""
    assert (await as_holder(token).Logout(pb.LogoutRequest())).success
    assert await motif(tokens, token) == "REVOQUE"


async def test_R10_logout_is_idempotent(app: App[AuthSettings], as_holder: AsHolder, token: str) -> None:
    """Five parallel calls make one revocation; a late one may be told that the token is revoked."""
    calls = [as_holder(token).Logout(pb.LogoutRequest()) for _ in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert any(isinstance(answer, pb.LogoutResponse) for answer in answers)
    for answer in answers:
        late = isinstance(answer, AioRpcError) and answer.code() == StatusCode.UNAUTHENTICATED
        assert isinstance(answer, pb.LogoutResponse) or late
    revoked = select(TokenRevoque.motif).where(TokenRevoque.jti == read(token)["jti"])
    assert await app.database.read().all(revoked) == ["logout"]


async def test_R10_other_tokens_of_the_person_stay(
    auth: AuthServiceStub, as_holder: AsHolder, tokens: TokenServiceStub, jeanne: Someone, token: str
) -> None:
    """A second token of the person stays good after a sign-out with the first."""
    other = (await auth.Login(jeanne.login())).token
    await as_holder(token).Logout(pb.LogoutRequest())
    assert await motif(tokens, other) == ""


async def test_R10_sessions_are_those_of_our_own_tokens(mesh: Mesh) -> None:
    """JETON_NON_RENOUVELABLE is the answer of all three calls to a foreign token."""
    foreign = mesh.stub(AuthServiceStub, user="somebody")
    for call in (
        foreign.Logout(pb.LogoutRequest()),
        foreign.RenewToken(pb.RenewTokenRequest()),
        foreign.ChangePassword(pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=NEW)),
    ):
        assert await refused(call) == (StatusCode.UNAUTHENTICATED, "JETON_NON_RENOUVELABLE")


async def test_R11_renewal_reads_the_person_again(
    mesh: Mesh,
    people: UtilisateurServiceStub,
    as_holder: AsHolder,
    tokens: TokenServiceStub,
    jeanne: Someone,
    token: str,
) -> None:
    """Names, organisation and role are the present ones; auth_time and amr stay."""
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=jeanne.id, nom="Durand"))
    members = mesh.service_stub(MembreServiceStub, caller="auth", organisation="org-renewed")
    await members.Add(
        users_pb2.AddMembreRequest(organisation_id="org-renewed", utilisateur_id=jeanne.id, role="MANAGER")
    )
    later = clock.now() + timedelta(minutes=30)
    with clock.frozen_at(later):
        answer = await as_holder(token).RenewToken(pb.RenewTokenRequest())
    before, after = read(token), read(answer.token)
    assert (after["family_name"], after["organisation_id"], after["role"]) == (
        "Durand",
        "org-renewed",
        "MANAGER",
    )
    assert (after["auth_time"], after["amr"], after["sub"]) == (before["auth_time"], ["pwd"], jeanne.id)
    assert (after["iat"], after["jti"] == before["jti"]) == (later.timestamp(), False)
    assert answer.expire_le.ToDatetime(tzinfo=later.tzinfo) == later + timedelta(hours=1)
    assert await motif(tokens, token) == "REVOQUE"


async def test_R11_of_two_renewals_one_succeeds(as_holder: AsHolder, token: str) -> None:
    """One of two parallel renewals is UNAUTHENTICATED."""
    calls = [as_holder(token).RenewToken(pb.RenewTokenRequest()) for _ in range(2)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    kinds = sorted(type(answer).__name__ for answer in answers)
    (late,) = [answer for answer in answers if isinstance(answer, AioRpcError)]
    assert (kinds, late.code()) == (["AioRpcError", "RenewTokenResponse"], StatusCode.UNAUTHENTICATED)


@pytest.mark.parametrize(("seconds", "renewed"), [(12 * 3600 - 1, True), (12 * 3600 + 1, False)])
async def test_R11_a_session_ends_after_twelve_hours(
    app: App[AuthSettings], as_holder: AsHolder, jeanne: Someone, seconds: int, renewed: bool
) -> None:
    """SESSION_TROP_ANCIENNE is the answer a second after twelve hours, not a second before."""
    now = clock.now()
    with clock.frozen_at(now):
        holder = as_holder(await signed_in_at(app, jeanne, now - timedelta(seconds=seconds)))
        if renewed:
            assert (await holder.RenewToken(pb.RenewTokenRequest())).token
        else:
            assert await refused(holder.RenewToken(pb.RenewTokenRequest())) == (
                StatusCode.FAILED_PRECONDITION,
                "SESSION_TROP_ANCIENNE",
            )


async def test_R11_a_revoked_token_is_not_renewed(as_holder: AsHolder, token: str) -> None:
    """JETON_REVOQUE is the answer to the renewal of a revoked token."""
    await as_holder(token).Logout(pb.LogoutRequest())
    assert await refused(as_holder(token).RenewToken(pb.RenewTokenRequest())) == REVOKED


async def test_R11_a_disabled_account_is_not_renewed(
    people: UtilisateurServiceStub, as_holder: AsHolder, jeanne: Someone, token: str
) -> None:
    """UNAUTHENTICATED is the answer before and after auth has heard of the end of its tokens."""
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=jeanne.id, actif=False))
    code, reason = await refused(as_holder(token).RenewToken(pb.RenewTokenRequest()))
    assert code == StatusCode.UNAUTHENTICATED
    assert reason in ("IDENTIFIANTS_INVALIDES", "JETON_REVOQUE")


async def test_R12_a_new_password_opens_the_door_alone(
    auth: AuthServiceStub, as_holder: AsHolder, tokens: TokenServiceStub, jeanne: Someone, token: str
) -> None:
    """The former password and tokens are void; the token of the answer is good."""
    other = (await auth.Login(jeanne.login())).token
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=NEW)
    fresh = (await as_holder(token).ChangePassword(change)).token
    assert [await motif(tokens, one) for one in (token, other, fresh)] == ["REVOQUE", "REVOQUE", ""]
    assert (await refused(auth.Login(jeanne.login())))[1] == "IDENTIFIANTS_INVALIDES"
    assert (await auth.Login(jeanne.login(NEW))).user.id == jeanne.id


async def test_R12_the_former_password_is_needed(
    auth: AuthServiceStub, as_holder: AsHolder, tokens: TokenServiceStub, jeanne: Someone, token: str
) -> None:
    """A wrong or missing former password changes nothing."""
    holder = as_holder(token)
    wrong = await refused(holder.ChangePassword(pb.ChangePasswordRequest(ancien="faux", nouveau=NEW)))
    none = await refusal(holder.ChangePassword(pb.ChangePasswordRequest(nouveau=NEW)))
    assert wrong == (StatusCode.UNAUTHENTICATED, "IDENTIFIANTS_INVALIDES")
    assert (none.code, none.reason, none.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": "ancien"},
    )
    assert await motif(tokens, token) == ""
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R12_the_former_password_is_guessed_five_times_at_most(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone, token: str
) -> None:
    """Failures of ChangePassword and of Login are counted together."""
    guess = pb.ChangePasswordRequest(ancien="faux", nouveau=NEW)
    told = [await refused(as_holder(token).ChangePassword(guess)) for _ in range(6)]
    assert [reason for _, reason in told] == ["IDENTIFIANTS_INVALIDES"] * 5 + ["COMPTE_VERROUILLE"]
    assert (await refused(auth.Login(jeanne.login())))[1] == "COMPTE_VERROUILLE"


async def test_R12_one_person_s_guesses_do_not_hinder_others(
    auth: AuthServiceStub, as_holder: AsHolder, someone: MakeSomeone
) -> None:
    """ChangePassword counts no IP address, as the call tells none that could be believed."""
    for _ in range(3):
        guesser = await someone()
        holder = as_holder((await auth.Login(guesser.login())).token)
        for _ in range(8):
            await refused(holder.ChangePassword(pb.ChangePasswordRequest(ancien="faux", nouveau=NEW)))
    jeanne = await someone()
    holder = as_holder((await auth.Login(jeanne.login())).token)
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=NEW)
    assert (await holder.ChangePassword(change)).token


@pytest.mark.parametrize(
    ("nouveau", "reason"),
    [
        ("", "CHAMP_REQUIS"),
        ("trop court", None),
        ("court", "MOT_DE_PASSE_INVALIDE"),
        ("é" * 37, "TROP_LONG"),
        ("un mot\nde passe", "MOT_DE_PASSE_INVALIDE"),
    ],
)
async def test_R12_a_password_has_a_form(
    as_holder: AsHolder, tokens: TokenServiceStub, token: str, nouveau: str, reason: str | None
) -> None:
    """INVALID_ARGUMENT is the answer to a malformed new password, and the session goes on."""
    change = as_holder(token).ChangePassword(pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=nouveau))
    if reason is None:
        assert (await change).token
        return
    assert await refused(change) == (StatusCode.INVALID_ARGUMENT, reason)
    assert await motif(tokens, token) == ""


@pytest.fixture
async def of_google(someone: MakeSomeone) -> Someone:
    """Somebody with a drawn password that nobody knows."""
    return await someone(mot_de_passe="", generer_mot_de_passe=True)


async def test_R12_who_came_by_google_may_choose_a_password(
    app: App[AuthSettings], auth: AuthServiceStub, as_holder: AsHolder, of_google: Someone
) -> None:
    """An account without a known password may choose one within ten minutes of the sign-in."""
    now = clock.now()
    with clock.frozen_at(now):
        holder = as_holder(
            await signed_in_at(app, of_google, now - timedelta(minutes=9, seconds=59), "google")
        )
        await holder.ChangePassword(pb.ChangePasswordRequest(nouveau=NEW))
    assert (await auth.Login(of_google.login(NEW))).user.id == of_google.id


async def test_R12_ten_minutes_after_the_sign_in_it_is_too_late(
    app: App[AuthSettings], as_holder: AsHolder, of_google: Someone
) -> None:
    """CONNEXION_TROP_ANCIENNE keeps a stolen token from becoming a password."""
    now = clock.now()
    with clock.frozen_at(now):
        holder = as_holder(await signed_in_at(app, of_google, now - timedelta(minutes=10), "google"))
        told = await refused(holder.ChangePassword(pb.ChangePasswordRequest(nouveau=NEW)))
    assert told == (StatusCode.UNAUTHENTICATED, "CONNEXION_TROP_ANCIENNE")


async def test_R12_a_revoked_token_changes_nothing(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone, token: str
) -> None:
    """JETON_REVOQUE is the answer at once, before every service has heard of the revocation."""
    await as_holder(token).Logout(pb.LogoutRequest())
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=NEW)
    assert await refused(as_holder(token).ChangePassword(change)) == REVOKED
    assert (await auth.Login(jeanne.login(ip=new_ip()))).user.id == jeanne.id
