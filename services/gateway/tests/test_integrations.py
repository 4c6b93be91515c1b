"""Accounts at outside providers, through the real service and providers on a real socket (G14, G15)."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AuditServiceStub
from db_utils import clock
from service_testing import Mesh, eventually
from service_testing.oauth import REVOKE, TOKEN, OauthProvider
from service_testing.oidc import browse
from tests.accounts import PAGE, Person, returned, sent_on
from tests.visitors import FRONT, Log, code

PROVIDERS = ("google", "microsoft", "instagram")


async def test_the_providers_are_told(anne: Person) -> None:
    """Providers are listed with what each can do."""
    answer = await anne.ask("GET", "/providers")
    providers = {one.pop("code"): one for one in answer.json()["providers"]}
    assert (answer.status_code, set(providers)) == (200, set(PROVIDERS))
    assert providers["google"] == {"nom": "Google", "actif": True, "pkce": True, "refresh": True}
    assert providers["instagram"]["pkce"] is False


@pytest.mark.parametrize("of", PROVIDERS)
async def test_an_account_is_connected_renewed_and_disconnected(
    anne: Person, oauth: OauthProvider, of: str
) -> None:
    """The browser ends where it began, and the account is in the list until it is disconnected."""
    answer = await anne.ask("POST", f"/{of}/connect", json={"redirectUrl": f"{FRONT}/agenda?tab=1#top"})
    assert set(answer.json()) == {"authUrl", "state"}
    back = await browse(answer.json()["authUrl"])
    assert back["state"] == answer.json()["state"]
    account = oauth.account.id
    ending = f"integration={of}&status=connected&account={account}"
    assert await sent_on(anne.web, back, of) == f"{FRONT}/agenda?tab=1&{ending}#top"
    (connected,) = await anne.accounts()
    assert (connected["provider"], connected["providerAccountId"]) == (of, account)
    assert (connected["isConnected"], connected["status"]) == (True, "connected")
    assert set(connected) == {
        *("id", "provider", "providerAccountId", "isConnected", "status", "missingScopes"),
        *("expiresAt", "metadata", "createdAt", "updatedAt"),
    }
    assert connected["expiresAt"].endswith("Z")
    gone = await anne.ask("DELETE", f"/{of}/{account}")
    assert (gone.status_code, gone.json()) == (200, {"success": True, "revoked": of == "google"})
    assert await anne.accounts() == []
    assert code(await anne.ask("DELETE", f"/{of}/{account}")) == (404, "ACCOUNT_NOT_FOUND")


async def test_no_token_of_a_provider_leaves_the_gateway(anne: Person, oauth: OauthProvider) -> None:
    """Neither the list nor the answer to a renewal has a provider's token."""
    await anne.connect()
    listed = await anne.ask("GET", "")
    renewed = await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    assert renewed.status_code == 200
    assert [secret for secret in oauth.secrets() if secret in listed.text + renewed.text] == []


async def logged(log: Log, *calls: str) -> dict[str, str]:
    """Callers that the service has logged for *calls*, once their lines are written."""

    def callers() -> dict[str, str]:
        lines = [json.loads(line) for line in log().splitlines() if '"service":"integrations"' in line]
        return {line["rpc"].rpartition("/")[2]: line["caller"] for line in lines}

    await eventually(lambda: callers().keys() >= {*calls})
    return callers()


async def test_G14_no_log_tells_a_secret(anne: Person, oauth: OauthProvider, log: Log) -> None:
    """Logs of gateway and service have no code, state or token of a whole connection."""
    back = await anne.begin()
    await sent_on(anne.web, back)
    await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    await anne.ask("DELETE", f"/google/{oauth.account.id}")
    await logged(log, "HandleCallback", "Disconnect")
    secrets = [*oauth.secrets(), back["state"], back["code"], anne.token]
    assert [secret for secret in secrets if secret in log()] == []


async def test_the_caller_asks_as_himself_and_the_callback_is_the_gateways(
    anne: Person, oauth: OauthProvider, log: Log
) -> None:
    """The user's token is passed on; the callback is made with the gateway's own proof."""
    await anne.ask("GET", "/providers")
    await anne.connect()
    await anne.accounts()
    await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    await anne.ask("DELETE", f"/google/{oauth.account.id}")
    himself = ("ListProviders", "InitiateOAuth", "List", "Refresh", "Disconnect")
    callers = await logged(log, *himself, "HandleCallback")
    assert callers == {**dict.fromkeys(himself, anne.id), "HandleCallback": "service:gateway"}


async def test_an_account_is_renewed_on_demand(anne: Person, oauth: OauthProvider) -> None:
    """A renewal makes one call of the provider and answers the account."""
    await anne.connect()
    (before,) = await anne.accounts()
    asked = len(oauth.refreshes())
    with clock.frozen_at(clock.now() + timedelta(minutes=30)):
        answer = await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    assert (answer.status_code, len(oauth.refreshes()) - asked) == (200, 1)
    assert answer.json()["expiresAt"] > before["expiresAt"]
    assert set(answer.json()) == set(before)


async def test_the_list_can_be_that_of_one_provider(anne: Person) -> None:
    """The list of all providers has the newest account first; it can be that of one."""
    for of in ("google", "microsoft"):
        await anne.connect(of)
    assert [one["provider"] for one in await anne.accounts()] == ["microsoft", "google"]
    assert [one["provider"] for one in await anne.accounts(provider="google")] == ["google"]


async def test_G14_without_a_wish_the_browser_ends_at_the_default_page(
    anne: Person, oauth: OauthProvider
) -> None:
    """The default page is one of the first allowed origin."""
    ending = f"integration=google&status=connected&account={oauth.account.id}"
    assert await anne.connect() == f"{PAGE}?{ending}"


async def test_a_permission_that_was_not_granted_is_told(anne: Person, oauth: OauthProvider) -> None:
    """The status `partial` is in the address at which the browser ends and in the list (integrations R23)."""
    with oauth.telling(TOKEN, of="google", scope="openid email profile"):
        end = await anne.connect()
    assert end == f"{PAGE}?integration=google&status=partial&account={oauth.account.id}"
    (account,) = await anne.accounts()
    assert (account["status"], account["isConnected"]) == ("partial", False)
    assert account["missingScopes"] == ["https://mail.google.com/"]


async def test_G14_a_program_is_told_who_is_connected(anne: Person, oauth: OauthProvider) -> None:
    """The account is connected for the user who began, whoever brings the state back."""
    answer = await returned(anne.web, await anne.begin(), accept="application/json")
    assert (answer.status_code, answer.json()) == (
        200,
        {"userId": anne.id, "accountId": oauth.account.id},
    )


async def test_G14_what_an_earlier_connection_has_left_is_replaced(anne: Person) -> None:
    """Parameters of an earlier outcome in the address are replaced by those of this one."""
    first = await anne.connect()
    back = await anne.begin("microsoft", first)
    query = parse_qsl(urlsplit(await sent_on(anne.web, back, "microsoft")).query)
    assert [name for name, _ in query] == ["integration", "status", "account"]
    assert dict(query)["integration"] == "microsoft"


async def test_a_revocation_that_fails_is_told(anne: Person, oauth: OauthProvider) -> None:
    """The account is disconnected, although the provider did not confirm the revocation."""
    await anne.connect()
    with oauth.failing(REVOKE, 503):
        answer = await anne.ask("DELETE", f"/google/{oauth.account.id}")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "revoked": False})
    assert await anne.accounts() == []


@pytest.mark.parametrize("account", ["a/b", "a%2Fb", "../../x", "é ü", "a?b#c", "connect/", "%", "x" * 255])
async def test_G15_an_account_id_is_decoded_once(anne: Person, oauth: OauthProvider, account: str) -> None:
    """An id of any characters is found by its path, and is encoded in the way back."""
    oauth.account = replace(oauth.account, id=account)
    query = parse_qsl(urlsplit(await anne.connect()).query)
    assert dict(query)["account"] == account
    encoded = quote(account, safe="")
    twice = await anne.ask("POST", f"/google/{quote(encoded, safe='')}/refresh")
    assert twice.status_code == 404 or encoded == account
    assert (await anne.ask("POST", f"/google/{encoded}/refresh")).status_code == 200
    gone = await anne.ask("DELETE", f"/google/{encoded}")
    assert (gone.status_code, gone.json()["success"]) == (200, True)


async def test_the_service_learns_who_calls_from_where(
    connections: Mesh, anne: Person, oauth: OauthProvider
) -> None:
    """Address, browser and correlation id are in the service's audit of each step."""
    anne.web.headers.update({"user-agent": "Firefox", "x-correlation-id": f"line-{anne.id}"})
    await anne.connect()
    await anne.ask("DELETE", f"/google/{oauth.account.id}")
    audit = connections.service_stub(AuditServiceStub, caller="gateway")
    entries = (await audit.List(pb.ListAuditRequest(user_id=anne.id))).entrees
    assert {entry.evenement for entry in entries} == {
        "OAUTH_INITIATED",
        "OAUTH_COMPLETED",
        "INTEGRATION_DISCONNECTED",
    }
    address = anne.web.headers["x-forwarded-for"]
    known = {(entry.ip, entry.user_agent, entry.correlation_id) for entry in entries}
    assert known == {(address, "Firefox", f"line-{anne.id}")}
