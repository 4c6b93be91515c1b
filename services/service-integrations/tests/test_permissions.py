"""Permissions that were not granted (R23), from the consent to the refused token."""

from datetime import timedelta
from pathlib import Path

import pytest
from crm.integrations import integrations_pb2 as pb
from db_utils import clock
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from service_integrations.adapter import Tokens
from service_integrations.providers.answers import judged
from service_integrations.rules import shown_status, still_missing
from service_integrations.service import SERVICE
from service_testing import Upgrade, refusal, refused
from service_testing.oauth import TOKEN, OauthProvider
from tests.titulaires import Personne, left, listed

GMAIL, SMTP = "https://mail.google.com/", "https://outlook.office.com/SMTP.Send"
WITHOUT = "openid email profile"
NOW = clock.now()


@pytest.mark.parametrize(
    ("scope", "asked", "granted", "withheld"),
    [
        (f"{WITHOUT} {GMAIL}", f"{WITHOUT} {GMAIL}", {GMAIL}, set()),
        (WITHOUT, f"{WITHOUT} {GMAIL}", set(), {GMAIL}),
        ("", f"{WITHOUT} {GMAIL}", {GMAIL}, set()),  # RFC 6749 section 5.1
        (WITHOUT, WITHOUT, set(), set()),  # it was not asked for
        (GMAIL, "", {GMAIL}, set()),  # a refresh is for what was granted before
        (WITHOUT, "", set(), {GMAIL}),
        ("", "", set(), set()),
    ],
)
def test_R23_an_answer_is_judged_by_what_it_was_asked(
    scope: str, asked: str, granted: set[str], withheld: set[str]
) -> None:
    """Permissions of usages are judged; scopes of the sign-in never count."""
    found = judged(Tokens("t", scope=scope), (GMAIL,), asked)
    assert (set(found.granted), set(found.withheld)) == (granted, withheld)


@pytest.mark.parametrize(
    ("former", "granted", "withheld", "missing"),
    [
        ([], set(), set(), []),
        ([], set(), {GMAIL}, [GMAIL]),
        ([GMAIL], set(), set(), [GMAIL]),
        ([GMAIL], {GMAIL}, set(), []),
    ],
)
def test_R23_what_is_missing_stays_so_until_it_is_granted(
    former: list[str], granted: set[str], withheld: set[str], missing: list[str]
) -> None:
    """An answer that says nothing of a permission changes nothing."""
    tokens = Tokens("t", granted=frozenset(granted), withheld=frozenset(withheld))
    assert still_missing(former, tokens) == missing


@pytest.mark.parametrize(
    ("status", "minutes", "shown"),
    [
        ("connected", 1, "partial"),
        ("connected", 0, "expired"),
        ("error", 1, "error"),
        ("disconnected", 1, "disconnected"),
    ],
)
def test_R12_partial_is_what_would_be_connected(status: str, minutes: int, shown: str) -> None:
    """Disconnected, expired and error are shown rather than partial."""
    assert shown_status(status, NOW + timedelta(minutes=minutes), NOW, complete=False) == shown


async def test_R23_a_consent_without_the_mail_permission(jeanne: Personne, provider: OauthProvider) -> None:
    """Mail is refused and the profile served until the account is connected again with the permission."""
    with provider.telling(TOKEN, of="google", scope=WITHOUT):
        connected = await jeanne.connect(account="compte-partiel")
    shown = connected.integration
    assert (shown.status, shown.is_connected, list(shown.scopes_manquants)) == ("partial", False, [GMAIL])
    assert await listed(jeanne) == ["partial"]
    (line,) = await jeanne.lines("OAUTH_COMPLETED")
    assert MessageToDict(line.details) == {"scopes_manquants": [GMAIL]}
    for usage in ("", "mail"):
        told = await refusal(jeanne.token(connected, usage))
        assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "PERMISSION_MANQUANTE")
        assert (told.metadata["scope"], told.metadata["reconnexion"], told.metadata["retryable"]) == (
            GMAIL,
            "true",
            "false",
        )
    assert (await jeanne.token(connected, "profil")).access_token
    again = await jeanne.connect(account="compte-partiel")
    assert (again.integration.id, again.integration.status) == (shown.id, "connected")
    assert (await jeanne.token(again)).access_token


async def test_R23_an_answer_without_scope_grants_all(jeanne: Personne, provider: OauthProvider) -> None:
    """An answer without scope grants what was asked for (RFC 6749 section 5.1)."""
    with provider.telling(TOKEN, of="google", scope=None):
        connected = await jeanne.connect()
    assert (connected.integration.status, list(connected.integration.scopes_manquants)) == ("connected", [])
    assert (await jeanne.token(connected, "mail")).access_token


async def test_R23_microsoft_is_judged_when_a_refresh_asks_for_mail(
    jeanne: Personne, provider: OauthProvider
) -> None:
    """The first token is refreshed before it is handed out, and that answer decides about mail."""
    connected = await jeanne.connect("microsoft")
    assert connected.integration.status == "connected"
    with provider.telling(TOKEN, of="microsoft", scope="offline_access"):
        assert (await refusal(jeanne.token(connected))).metadata["scope"] == SMTP
    assert await listed(jeanne) == ["partial"]
    row = await jeanne.row(connected)
    with clock.frozen_at(left(row, minutes=1)):
        assert (await jeanne.token(connected)).access_token  # the next refresh grants it
    assert await listed(jeanne) == ["connected"]


async def test_R13_R23_a_refresh_that_says_nothing_grants_nothing(
    jeanne: Personne, provider: OauthProvider
) -> None:
    """Google's refresh asks for what was granted before; an answer without scope changes nothing."""
    with provider.telling(TOKEN, of="google", scope=WITHOUT):
        connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.telling(TOKEN, of="google", scope=None):
        refreshed = (await jeanne.own_tokens.Refresh(request)).integration
    assert (refreshed.status, list(refreshed.scopes_manquants)) == ("partial", [GMAIL])
    assert (await jeanne.own_tokens.Refresh(request)).integration.status == "connected"


@pytest.mark.parametrize(
    ("code", "usage", "reason"),
    [("instagram", "mail", "VALEUR_INCONNUE"), ("google", "agenda", "VALEUR_INCONNUE")],
)
async def test_R23_usages_are_a_closed_list(jeanne: Personne, code: str, usage: str, reason: str) -> None:
    """A usage that the provider does not have is VALEUR_INCONNUE."""
    connected = await jeanne.connect(code)
    assert await refused(jeanne.token(connected, usage)) == (StatusCode.INVALID_ARGUMENT, reason)


STORED: tuple[tuple[str, list[str], list[str]], ...] = (
    ("google", [], []),
    ("google", ["openid", GMAIL], []),
    ("google", ["openid", "email"], [GMAIL]),
    ("microsoft", [], []),
    ("microsoft", ["openid", "https://graph.microsoft.com/User.Read"], []),
    ("microsoft", ["offline_access", SMTP], []),
    ("microsoft", ["offline_access"], [SMTP]),
    ("instagram", ["instagram_business_basic"], []),
    ("instagram", ["instagram_business_manage_comments"], ["instagram_business_basic"]),
)


def test_R23_stored_accounts_are_judged(tmp_path: Path) -> None:
    """The migration judges accounts by the scopes of their last answer, if it named any."""
    with Upgrade(SERVICE, "0002", tmp_path) as upgrade:
        tables = upgrade.connection
        for number, (provider, scopes, _) in enumerate(STORED):
            tables.execute(
                "INSERT INTO oauth_accounts (id, user_id, provider, provider_account_id, nom_affiche,"
                " token_type, scopes, status, echecs, metadata, updated_at)"
                " VALUES (gen_random_uuid(), 'user-1', %s, %s, '', '', %s, 'connected', 0, '{}', now())",
                (provider, str(number), scopes),
            )
        upgrade.run()
        found = tables.execute(
            "SELECT provider, scopes, scopes_manquants FROM oauth_accounts ORDER BY provider_account_id"
        )
        assert found.fetchall() == list(STORED)
