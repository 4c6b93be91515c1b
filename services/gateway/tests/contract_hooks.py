"""What schemathesis cannot read in the contract: who calls, and what only a deployment can judge.

Loaded by the process of schemathesis (SCHEMATHESIS_HOOKS), never by a test; what it is told stands in
CONTRACT_CALLERS. It imports nothing of ours, which would take longer than the requests.
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
# Which addresses a service allows and which states it has given out, only the service knows.
_LONGEST_PASSWORD = 72  # bytes, where JSON Schema counts characters
_UNTOLD = ("REDIRECTION_INVALIDE", "INVALID_REDIRECT_URL", "ETAT_INVALIDE")

# Of what JSON Schema calls an address, some no mail system takes.
schemathesis.openapi.format(
    "email", strategies.from_regex(r"[a-z]{1,20}@contrat\.exemple\.fr", fullmatch=True)
)
_client = httpx.Client(base_url=_KNOWN["url"])


def _address() -> str:
    """Another one for each request, so that the limits of one address are not met."""
    number = next(_numbers)
    return f"10.200.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Tell which service's token is at hand; addresses of exactly so many characters are not looked for."""
    (name,) = raw_schema["paths"]["/land/api/v1/users/sync"]["post"]["parameters"]
    name["schema"]["enum"] = [_KNOWN["service"]["x-service-name"]]
    for body in ("Credentials", "SeenUser"):
        raw_schema["components"]["schemas"][body]["properties"]["email"] = {
            "type": "string",
            "format": "email",
        }


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Call from another address; as a program, which is told in JSON what a browser is not."""
    case.headers["x-forwarded-for"] = _address()
    if case.operation.path == "/api/integrations/{provider}/callback":
        case.headers["accept"] = "application/json"


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep all failures but those whose reason OpenAPI has no words for."""
    query, excused = case.query or {}, [*_UNTOLD]
    if query.get("code") and query.get("error"):
        excused.append("PARAMETRES_INVALIDES")
    if len(_password(case).encode()) > _LONGEST_PASSWORD:
        excused.append("TROP_LONG")
    if query.get("error"):  # which is Google's, not ours
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
    """Users, each with his own limits."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """The token of the next one."""
        return f"Bearer {next(_tokens)}"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/api/auth/(logout|renew)")
class Sessions(_Caller):
    """Somebody who has just signed in: such a token is used up."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """A new token."""
        headers = {"x-forwarded-for": _address()}
        answer = _client.post("/api/auth/login", json=_KNOWN["credentials"], headers=headers)
        return f"Bearer {answer.json()['token']}"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/land/")
class Services(_Caller):
    """A service outside the mesh."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """Its token."""
        return str(_KNOWN["service"]["authorization"])
