"""Choice of an organisation over HTTP, at sign-in and at renewal (auth R23)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub
from db_utils import clock
from gateway.policies import GOOGLE_CALLBACK, GOOGLE_URL, LOGIN, PROFILE, RENEW
from service_testing import Mesh
from service_testing.oidc import OidcProvider, browse, person
from service_testing.popup import posted
from tests.visitors import MakeSomeone, SignIn, Someone, bearer, code

ORG_A, ORG_B, ORG_C = "org-a", "org-b", "org-c"
BOTH = [{"id": ORG_A, "nom": "", "role": "MANAGER"}, {"id": ORG_B, "nom": "", "role": "VIEWER"}]
INACTIVE = (403, "MEMBRE_INACTIF")

Choose = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
async def anne(mesh: Mesh, someone: MakeSomeone) -> Someone:
    """A member of two organisations, of the first for longer."""
    anne, now = await someone(email_verifie=True), clock.now()
    membres = mesh.service_stub(MembreServiceStub, caller="auth")
    for minutes, joined in enumerate(BOTH):
        with clock.frozen_at(now + timedelta(minutes=minutes)):
            await membres.Add(
                users_pb2.AddMembreRequest(
                    organisation_id=joined["id"], utilisateur_id=anne.id, role=joined["role"]
                )
            )
    return anne


@pytest.fixture
def login(web: httpx.AsyncClient, anne: Someone) -> Choose:
    """Function that signs Anne in to an organisation, or to the last one for ""."""
    return lambda wanted: web.post(LOGIN, json={**anne.credentials, "organisation": wanted})


def named_in(token: str) -> str:
    """The organisation that *token* names."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return str(claims["organisation_id"])


async def test_a_sign_in_lists_what_can_be_chosen(login: Choose) -> None:
    """A sign-in names the oldest membership or the one asked for, and lists the active ones."""
    first, named = (await login("")).json(), (await login(ORG_B)).json()
    assert [one["user"]["organisationId"] for one in (first, named)] == [ORG_A, ORG_B]
    assert [named_in(one["token"]) for one in (first, named)] == [ORG_A, ORG_B]
    assert [one["organisations"] for one in (first, named)] == [BOTH, BOTH]


async def test_a_renewal_changes_to_another_organisation(web: httpx.AsyncClient, login: Choose) -> None:
    """A renewal without a body keeps the new organisation, and so does the next sign-in."""
    token = (await login(ORG_A)).json()["token"]
    changed = (await web.post(RENEW, headers=bearer(token), json={"organisation": ORG_B})).json()
    kept = (await web.post(RENEW, headers=bearer(changed["token"]))).json()
    for one in (changed, kept):
        assert (one["organisationId"], one["role"], one["organisations"]) == (ORG_B, "VIEWER", BOTH)
        assert named_in(one["token"]) == ORG_B
    assert (await login("")).json()["user"]["organisationId"] == ORG_B


async def test_a_token_outlives_a_change_that_is_refused(web: httpx.AsyncClient, login: Choose) -> None:
    """MEMBRE_INACTIF is 403 at sign-in and renewal, and the token stays good."""
    token = (await login("")).json()["token"]
    assert code(await login(ORG_C)) == INACTIVE
    assert code(await web.post(RENEW, headers=bearer(token), json={"organisation": ORG_C})) == INACTIVE
    assert (await web.get(PROFILE, headers=bearer(token))).status_code == 200
    assert (await web.post(RENEW, headers=bearer(token))).json()["organisationId"] == ORG_A


async def test_a_sign_in_at_google_names_its_organisation(
    web: httpx.AsyncClient, provider: OidcProvider, anne: Someone
) -> None:
    """The page names the organisation chosen at the beginning, or its refusal without a token."""
    provider.person = person(anne.email)
    pages = []
    for wanted in (ORG_B, ORG_C):
        begun = (await web.get(GOOGLE_URL, params={"organisation": wanted})).json()
        answer = await web.get(GOOGLE_CALLBACK, params=await browse(begun["authUrl"]))
        pages.append((answer.status_code, posted(answer.text).message))
    (_, signed_in), (status, failed) = pages
    assert (signed_in["user"]["organisationId"], signed_in["organisations"]) == (ORG_B, BOTH)
    assert named_in(signed_in["token"]) == ORG_B
    assert (status, failed["code"], "token" in failed) == (*INACTIVE, False)


@pytest.mark.parametrize(
    ("body", "more", "expected"),
    [
        (b"", {"content-type": "application/json"}, (200, "")),
        (b"", {"content-type": "text/plain"}, (200, "")),
        (b"{}", {"content-type": "application/json"}, (200, "")),
        (b'{"organisation":""}', {"content-type": "application/json"}, (200, "")),
        (b'{"organisation":"org-c"}', {"content-type": "text/plain"}, (415, "TYPE_NON_ADMIS")),
        (b'{"organisation":"org-c"}', {}, (415, "TYPE_NON_ADMIS")),
        (b"{", {"content-type": "application/json"}, (400, "JSON_INVALIDE")),
        (b'["org-c"]', {"content-type": "application/json"}, (400, "FORMAT_INVALIDE")),
        (b'{"organisation":7}', {"content-type": "application/json"}, (400, "FORMAT_INVALIDE")),
        (b'{"organisation":"org c"}', {"content-type": "application/json"}, (400, "FORMAT_INVALIDE")),
        (b"x" * 9000, {"content-type": "application/json"}, (413, "CORPS_TROP_GRAND")),
    ],
    ids=[
        "none",
        "type alone",
        "empty",
        "nothing",
        "text",
        "no type",
        "json",
        "list",
        "number",
        "form",
        "large",
    ],
)
async def test_G1_a_renewal_need_not_have_a_body(
    web: httpx.AsyncClient,
    jeanne: Someone,
    sign_in: SignIn,
    body: bytes,
    more: dict[str, str],
    expected: tuple[int, str],
) -> None:
    """A renewal passes without a body; one that is sent is judged like any other."""
    token = await sign_in(jeanne)
    answer = await web.post(RENEW, content=body, headers={**bearer(token), **more})
    assert (answer.status_code, "" if answer.status_code == 200 else code(answer)[1]) == expected


@pytest.mark.parametrize("organisation", ["x" * 65, "org c"])
async def test_an_organisation_is_an_id(web: httpx.AsyncClient, jeanne: Someone, organisation: str) -> None:
    """A malformed organisation is 400 with its field, at sign-in and at Google."""
    answers = [
        await web.post(LOGIN, json={**jeanne.credentials, "organisation": organisation}),
        await web.get(GOOGLE_URL, params={"organisation": organisation}),
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["error"]["champ"] for answer in answers} == {"organisation"}
