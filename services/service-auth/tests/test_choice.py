"""The organisation of a token: the one asked for, the former one, the last one chosen (R23)."""

from datetime import timedelta

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub, TokenServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from db_utils import clock
from grpc import StatusCode
from service_auth.tokens import Compte
from service_testing import Mesh, refusal, refused
from tests.connexions import INVALID, PASSWORD, WRONG, AsHolder, MakeSomeone, Someone, new_ip, read
from tests.membres import FIRST, MOVED, SECOND, Join, motif
from tests.popups import OpenPopup

INACTIVE = (StatusCode.PERMISSION_DENIED, "MEMBRE_INACTIF")
ELSEWHERE = "org-ailleurs"


@pytest.fixture
async def jeanne(someone: MakeSomeone, join: Join) -> Someone:
    """Member of two organisations, of the first for longer."""
    jeanne = await someone(email_verifie=True)
    await join(jeanne, FIRST, "MANAGER")
    with clock.frozen_at(clock.now() + timedelta(minutes=1)):
        await join(jeanne, SECOND, "VIEWER")
    return jeanne


def accessible(*names: tuple[str, str]) -> list[pb.OrganisationAccessible]:
    """Organisations as an answer lists them; their names are empty, as no service here knows them."""
    return [pb.OrganisationAccessible(organisation_id=name, role=role) for name, role in names]


BOTH = accessible((FIRST, "MANAGER"), (SECOND, "VIEWER"))


def test_R23_the_former_organisation_stays_while_it_may() -> None:
    """A token keeps its organisation while the membership is active, else takes users' choice or none."""
    person = users_pb2.Utilisateur(id="jeanne")
    choice = users_pb2.ChoisirMembreResponse(
        membre=users_pb2.Membre(organisation_id="b", role="VIEWER"),
        organisations=[users_pb2.OrganisationDuProfil(organisation_id=one, role=one) for one in "ab"],
    )
    chosen = {former: Compte.chosen(person, choice, former) for former in ("a", "", "c")}
    assert {former: (one.organisation_id, one.role) for former, one in chosen.items()} == {
        "a": ("a", "a"),
        "": ("b", "VIEWER"),
        "c": ("b", "VIEWER"),
    }
    assert Compte.chosen(person, users_pb2.ChoisirMembreResponse(), "a") == Compte(person)


async def test_R23_a_sign_in_lists_what_could_be_chosen(auth: AuthServiceStub, jeanne: Someone) -> None:
    """A sign-in without a choice names the oldest membership and lists all active ones."""
    answer = await auth.Login(jeanne.login())
    assert (answer.user.organisation_id, answer.user.role) == (FIRST, "MANAGER")
    assert [*answer.organisations] == BOTH


async def test_R23_a_sign_in_names_its_organisation(
    mesh: Mesh, auth: AuthServiceStub, jeanne: Someone
) -> None:
    """A named organisation is in token, answer and announcement, and is that of the next sign-in."""
    named = await auth.Login(jeanne.login(organisation=SECOND))
    again = await auth.Login(jeanne.login())
    for answer in (named, again):
        claims = read(answer.token)
        assert (answer.user.organisation_id, answer.user.role) == (SECOND, "VIEWER")
        assert (claims["organisation_id"], claims["role"]) == (SECOND, "VIEWER")
    events = await mesh.published(UserLoginEvent, 2, where=lambda event: event.user_id == jeanne.id)
    assert [event.customer_id for event in events] == [SECOND] * 2


async def test_R23_who_is_no_member_is_told_after_his_password(
    auth: AuthServiceStub, jeanne: Someone
) -> None:
    """MEMBRE_INACTIF follows the right password; a wrong one is IDENTIFIANTS_INVALIDES as always."""
    told = await refused(auth.Login(jeanne.login(organisation=ELSEWHERE)))
    unproved = await refusal(auth.Login(jeanne.login(WRONG, organisation=ELSEWHERE)))
    assert told == INACTIVE
    assert (unproved.code, unproved.reason, unproved.message) == INVALID


async def test_R23_it_costs_no_failure(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone
) -> None:
    """Six refusals for MEMBRE_INACTIF lock nothing; the journal has each as `refus`."""
    for _ in range(6):
        assert await refused(auth.Login(jeanne.login(organisation=ELSEWHERE))) == INACTIVE
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(ip=jeanne.ip))
    assert [one.resultat for one in listed.tentatives] == ["succes", *["refus"] * 6]


@pytest.mark.parametrize("organisation", ["org 1", "é", "x" * 65])
async def test_R23_an_organisation_has_the_form_of_an_id(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone, organisation: str
) -> None:
    """FORMAT_INVALIDE is the answer of all three calls to a malformed organisation."""
    holder = as_holder((await auth.Login(jeanne.login())).token)
    for call in (
        auth.Login(jeanne.login(organisation=organisation)),
        auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=jeanne.ip, organisation=organisation)),
        holder.RenewToken(pb.RenewTokenRequest(organisation=organisation)),
    ):
        told = await refusal(call)
        assert (told.code, told.reason, told.metadata) == (
            StatusCode.INVALID_ARGUMENT,
            "FORMAT_INVALIDE",
            {"champ": "organisation"},
        )


async def test_R23_a_sign_in_at_google_keeps_its_organisation(
    auth: AuthServiceStub, jeanne: Someone, popup: OpenPopup
) -> None:
    """The organisation is kept with the state, where the browser cannot change it."""
    opened = await popup(jeanne.email, organisation=SECOND)
    answer = await auth.HandleGoogleCallback(opened.callback())
    assert (answer.user.organisation_id, [*answer.organisations]) == (SECOND, BOTH)
    assert read(answer.token)["organisation_id"] == SECOND


async def test_R23_google_signs_nobody_in_elsewhere(
    auth: AuthServiceStub, security: SecurityServiceStub, jeanne: Someone, popup: OpenPopup
) -> None:
    """MEMBRE_INACTIF comes once Google has told the person; the journal has `refus`."""
    opened = await popup(jeanne.email, organisation=ELSEWHERE)
    assert await refused(auth.HandleGoogleCallback(opened.callback())) == INACTIVE
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(ip=opened.ip))
    assert [one.resultat for one in listed.tentatives] == ["refus"]


async def test_R23_a_renewal_changes_to_another_organisation(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone
) -> None:
    """A changed organisation is that of the next renewal and of the next sign-in."""
    token = (await auth.Login(jeanne.login())).token
    changed = await as_holder(token).RenewToken(pb.RenewTokenRequest(organisation=SECOND))
    kept = await as_holder(changed.token).RenewToken(pb.RenewTokenRequest())
    for answer in (changed, kept):
        assert (answer.organisation_id, answer.role, [*answer.organisations]) == (SECOND, "VIEWER", BOTH)
        assert read(answer.token)["organisation_id"] == SECOND
    assert (await auth.Login(jeanne.login())).user.organisation_id == SECOND


async def test_R23_a_session_keeps_its_organisation(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone
) -> None:
    """A choice in another browser leaves the organisation of this session alone."""
    token = (await auth.Login(jeanne.login())).token
    await auth.Login(jeanne.login(organisation=SECOND))
    renewed = await as_holder(token).RenewToken(pb.RenewTokenRequest())
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau="un nouveau mot de passe")
    changed = await as_holder(renewed.token).ChangePassword(change)
    assert (renewed.organisation_id, read(changed.token)["organisation_id"]) == (FIRST, FIRST)


async def test_R23_a_session_without_its_organisation_gets_the_last_one_chosen(
    auth: AuthServiceStub, as_holder: AsHolder, join: Join, someone: MakeSomeone
) -> None:
    """A token that names no organisation takes up a new membership at its renewal (R11)."""
    paul = await someone()
    token = (await auth.Login(paul.login())).token
    await join(paul, MOVED, "VIEWER")
    assert (await as_holder(token).RenewToken(pb.RenewTokenRequest())).organisation_id == MOVED


async def test_R11_a_renewal_that_is_refused_leaves_the_token(
    auth: AuthServiceStub, as_holder: AsHolder, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """A token whose renewal was refused is good, and renewable into its own organisation."""
    token = (await auth.Login(jeanne.login())).token
    elsewhere = pb.RenewTokenRequest(organisation=ELSEWHERE)
    assert await refused(as_holder(token).RenewToken(elsewhere)) == INACTIVE
    assert await motif(tokens, token) == ""
    assert (await as_holder(token).RenewToken(pb.RenewTokenRequest())).organisation_id == FIRST


async def test_R23_a_void_token_chooses_nothing(
    auth: AuthServiceStub, as_holder: AsHolder, jeanne: Someone
) -> None:
    """A void token does not change the organisation of the next sign-in."""
    token = (await auth.Login(jeanne.login(organisation=FIRST))).token
    await as_holder(token).Logout(pb.LogoutRequest())
    told = await refused(as_holder(token).RenewToken(pb.RenewTokenRequest(organisation=SECOND)))
    assert told == (StatusCode.UNAUTHENTICATED, "JETON_REVOQUE")
    assert (await auth.Login(jeanne.login(ip=new_ip()))).user.organisation_id == FIRST
