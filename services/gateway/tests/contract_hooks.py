"""Hooks of schemathesis: callers for the requests, and failures that only a deployment can judge.

The process of schemathesis loads them (SCHEMATHESIS_HOOKS), never a test; their input stands in
CONTRACT_CALLERS. They import nothing of ours, which would take longer than the requests.
"""

import itertools
import json
import os
from typing import Any

import httpx
import schemathesis
from hypothesis import strategies
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import Failure

_KNOWN: dict[str, Any] = json.loads(os.environ["CONTRACT_CALLERS"])
_tokens, _numbers = itertools.cycle(_KNOWN["tokens"]), itertools.count(1)
_LONGEST_PASSWORD = 72  # bytes, where JSON Schema counts characters
# Only the service knows its allowed addresses and the states that it has given out.
_UNTOLD = ("REDIRECTION_INVALIDE", "INVALID_REDIRECT_URL", "ETAT_INVALIDE")

# JSON Schema admits addresses that no mail system takes; these are simple ones.
schemathesis.openapi.format(
    "email", strategies.from_regex(r"[a-z]{1,20}@contrat\.exemple\.fr", fullmatch=True)
)
_client = httpx.Client(base_url=_KNOWN["url"])


def _address() -> str:
    """A new address for each request, so that no limit of an address is met."""
    number = next(_numbers)
    return f"10.200.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Name the one service whose token is at hand, and leave the lengths of emails to their format."""
    (name,) = raw_schema["paths"]["/land/api/v1/users/sync"]["post"]["parameters"]
    name["schema"]["enum"] = [_KNOWN["service"]["x-service-name"]]
    for body in ("Credentials", "SeenUser"):
        raw_schema["components"]["schemas"][body]["properties"]["email"] = {
            "type": "string",
            "format": "email",
        }


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Call from a new address, and as a program, which is answered in JSON."""
    case.headers["x-forwarded-for"] = _address()
    if case.operation.path == "/api/integrations/{provider}/callback":
        case.headers["accept"] = "application/json"


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep every failure but those whose reason OpenAPI cannot express."""
    query, excused = case.query or {}, [*_UNTOLD]
    if query.get("code") and query.get("error"):
        excused.append("PARAMETRES_INVALIDES")
    if len(_password(case).encode()) > _LONGEST_PASSWORD:
        excused.append("TROP_LONG")
    if query.get("error"):  # an error of the provider, not of ours
        excused.append("GOOGLE_INDISPONIBLE")
    return not any(reason in response.text for reason in excused)


def _password(case: Case[Any]) -> str:
    password = case.body.get("password") if isinstance(case.body, dict) else None
    return password if isinstance(password, str) else ""


class _Caller:
    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["authorization"] = data


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/api/(profile|integrations)")
class Users(_Caller):
    """Tokens of users, each with limits of his own."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """The token of the next user."""
        return f"Bearer {next(_tokens)}"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/api/auth/(logout|renew)")
class Sessions(_Caller):
    """Tokens of somebody who has just signed in, as a call may use them up."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """A new token of this person."""
        headers = {"x-forwarded-for": _address()}
        answer = _client.post("/api/auth/login", json=_KNOWN["credentials"], headers=headers)
        return f"Bearer {answer.json()['token']}"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/land/")
class Services(_Caller):
    """Proof of a service outside the mesh."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """The token of this service."""
        return str(_KNOWN["service"]["authorization"])
