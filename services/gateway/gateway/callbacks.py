"""Parameters with which a provider sends a browser back, for a sign-in or a connection (G13)."""

from typing import Any, Final

from fastapi import Request

from gateway.forms import TEXT
from gateway.problems import Problem, Refused

_LONGEST: Final = {"code": 2048, "state": 512, "error": 200}  # characters
_DESCRIPTIONS: Final = {
    "code": "What the provider gives us the tokens for; not together with *error*.",
    "state": "What it was sent with.",
    "error": "Why the provider has refused (RFC 6749, section 4.1.2.1).",
}
_UNREADABLE: Final = Problem(400, "PARAMETRES_INVALIDES", "Les paramètres de retour sont invalides.")


def parameters(request: Request) -> dict[str, str]:
    """Values of code, state and error in the query, each at most once. Raises Refused."""
    query = request.query_params
    found = {name: query.get(name, "") for name in _LONGEST}
    too_long = any(len(found[name]) > longest for name, longest in _LONGEST.items())
    doubled = any(len(query.getlist(name)) > 1 for name in _LONGEST)
    if too_long or doubled or (found["code"] and found["error"]):
        raise Refused(_UNREADABLE)
    return found


# These parameters in the form of OpenAPI.
PARAMETERS: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": name == "state",
            "description": _DESCRIPTIONS[name],
            "schema": {
                "type": "string",
                "minLength": int(name == "state"),
                "maxLength": longest,
                "pattern": TEXT,
            },
        }
        for name, longest in _LONGEST.items()
    ]
}
