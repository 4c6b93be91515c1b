"""The page that ends the pop-up: its message, its target, and nothing of the request (G11 to G13)."""

import httpx
import pytest
from gateway.closing_page import FAILURE, SUCCESS, closing_page, headers
from gateway.policies import GOOGLE_CALLBACK, GOOGLE_URL
from service_testing import Mesh
from service_testing.popup import posted
from tests.visitors import FRONT, OTHER_FRONT

HOSTILE = "</script><script>alert(1)</script><!--\u2028\u2029&amp;\"'`${1}\\"


def test_G11_the_page_posts_its_message_to_one_origin() -> None:
    """The page posts to one origin and closes; without an opener it shows a sentence and no token."""
    page = closing_page({"type": SUCCESS, "token": "a.b.c"}, FRONT, "n0nce")
    read = posted(page)
    assert (read.message, read.origin, read.nonce) == ({"type": SUCCESS, "token": "a.b.c"}, FRONT, "n0nce")
    assert read.text == "Vous êtes connecté. Vous pouvez fermer cette fenêtre."
    assert "block.remove()" in page


def test_G11_the_page_of_a_failure_says_so() -> None:
    """The page of a failure posts the code, and shows people a sentence."""
    read = posted(closing_page({"type": FAILURE, "code": "ETAT_EXPIRE"}, FRONT, "n"))
    assert (read.message["code"], read.text.startswith("La connexion n'a pas abouti.")) == (
        "ETAT_EXPIRE",
        True,
    )


def test_G12_nothing_in_the_data_ends_the_block() -> None:
    """A token with markup is read back to the letter, and the page has two scripts."""
    page = closing_page({"type": SUCCESS, "token": HOSTILE}, FRONT, "n")
    assert posted(page).message["token"] == HOSTILE
    assert page.count("<script") == page.count("</script>") == 2
    assert not {"\u2028", "\u2029"} & set(page)


def test_G12_nothing_in_the_origin_ends_the_script() -> None:
    """An origin with markup does not end the script."""
    page = closing_page({"type": SUCCESS}, 'https://a"</script>', "n")
    assert page.count("</script>") == 2


def test_G12_the_policy_lets_one_script_run() -> None:
    """Headers allow one script by its nonce, forbid frames and keep the opener."""
    assert headers("n0nce") == {
        "content-security-policy": "default-src 'none'; script-src 'nonce-n0nce'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": "unsafe-none",
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }


async def test_G12_the_nonce_is_in_the_page_and_in_its_policy(edge: httpx.AsyncClient) -> None:
    """Page and policy have the same nonce, another one for each answer."""
    answers = [await edge.get(GOOGLE_CALLBACK, params={"state": "s"}) for _ in range(2)]
    nonces = [posted(answer.text).nonce for answer in answers]
    policies = [answer.headers["content-security-policy"] for answer in answers]
    assert [f"'nonce-{nonce}'" in policy for nonce, policy in zip(nonces, policies, strict=True)] == [
        True
    ] * 2
    assert nonces[0] != nonces[1]


@pytest.mark.parametrize("name", ["code", "state", "error"])
async def test_G12_nothing_of_the_query_is_in_the_page(edge: httpx.AsyncClient, name: str) -> None:
    """The page holds nothing of code, state or error."""
    answer = await edge.get(GOOGLE_CALLBACK, params={"state": "s", name: f"needle{HOSTILE}"})
    assert "needle" not in answer.text
    assert answer.text.count("<script") == 2


@pytest.mark.parametrize(
    "query",
    [
        {"state": "s", "code": "c" * 2049},
        {"state": "s" * 513, "code": "c"},
        {"state": "s", "error": "e" * 201},
        {"state": "s", "code": "c", "error": "access_denied"},
        {"state": ["s", "t"], "code": "c"},
        {"state": "s", "code": ["c", "d"]},
    ],
    ids=["code", "state", "error", "both", "two states", "two codes"],
)
async def test_G13_parameters_that_no_provider_sends_end_here(
    edge: httpx.AsyncClient, query: dict[str, str | list[str]]
) -> None:
    """PARAMETRES_INVALIDES comes without any call, which would be 503 here."""
    answer = await edge.get(GOOGLE_CALLBACK, params=query)
    assert (answer.status_code, posted(answer.text).message["code"]) == (400, "PARAMETRES_INVALIDES")


async def test_G13_the_longest_parameters_pass(edge: httpx.AsyncClient) -> None:
    """A code of 2048 and a state of 512 characters are passed on."""
    answer = await edge.get(GOOGLE_CALLBACK, params={"code": "c" * 2048, "state": "s" * 512})
    assert (answer.status_code, posted(answer.text).message["type"]) == (503, FAILURE)


async def test_G11_a_failure_clears_the_cookies(edge: httpx.AsyncClient) -> None:
    """A failure clears both cookies at their path."""
    cookies = (await edge.get(GOOGLE_CALLBACK)).headers.get_list("set-cookie")
    assert [cookie.split("=")[0] for cookie in cookies] == ["crm_oauth", "crm_oauth_origin"]
    assert all("Max-Age=0; Path=/api/auth/google; SameSite=lax" in cookie for cookie in cookies)


@pytest.mark.parametrize(
    ("remembered", "origin"),
    [
        ("", FRONT),
        (OTHER_FRONT, OTHER_FRONT),
        ("https://evil.example", FRONT),
        ('https://app.example"); alert(1); ("', FRONT),
        ("*", FRONT),
    ],
)
async def test_G11_only_an_allowed_origin_is_told(
    edge: httpx.AsyncClient, remembered: str, origin: str
) -> None:
    """The target is the remembered origin if it is allowed, else the first allowed one."""
    cookie = f"crm_oauth_origin={remembered}"
    answer = await edge.get(GOOGLE_CALLBACK, headers={"cookie": cookie, "origin": "https://evil.example"})
    assert posted(answer.text).origin == origin
    assert "evil" not in answer.text


async def test_a_sign_in_cannot_begin_while_auth_is_away(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """The beginning of a sign-in is 503 in JSON, without a cookie."""
    answer = await edge.get(GOOGLE_URL)
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (503, [])
