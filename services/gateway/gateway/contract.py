"""The OpenAPI contract: the endpoints as FastAPI knows them, and the refusals of the layers before.

Endpoints name their own refusals with `problems`; those that a row of the policies implies are
added here, so that a new endpoint need not repeat them. There is no default answer: a status that
is not in the contract is a defect.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from gateway.bodies import ErrorBody
from gateway.policies import HTML, KIBIBYTE, POLICIES, Policy

Schema = dict[str, Any]

_DESCRIPTION: Final = """\
The HTTP edge of the CRM: sign-in, profile, webhooks, integrations.

- A problem is `{"error": {"code", "message", "correlationId", …}}`: *code* is for programs, *message*
  for people (French). Unknown fields of a body are ignored.
- `X-Correlation-Id` comes back as it was sent (up to 64 of `A-Z a-z 0-9 . _ -`), else it is made.
- HEAD is answered where GET is, OPTIONS everywhere, every other method with 405 and `Allow`. A slash
  at the end makes another path, which is 404.
- A request has 15 seconds; its headers have 16 KiB.
"""
_TAGS: Final = {
    "session": "Sign-in by password, renewal, sign-out.",
    "google": "Sign-in at Google, in a pop-up.",
    "profile": "Profile of the caller.",
    "integrations": "The caller's accounts at outside providers.",
    "webhook": "Notifications of the identity provider.",
    "synchronisation": "Reports of services outside the mesh.",
    "operations": "The state of the gateway, and the public keys of our own tokens.",
    "documentation": "Description of the gateway itself.",
}
_HEADERS: Final = {
    "X-Correlation-Id": {"required": True, "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}},
}
_MORE_HEADERS: Final = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def problems(reasons: Mapping[int, str]) -> dict[int | str, Schema]:
    """Refusals of an endpoint in the form that FastAPI takes: *reasons* by status."""
    return {status: {"model": ErrorBody, "description": reason} for status, reason in reasons.items()}


class Application(FastAPI):
    """A FastAPI whose contract is complete."""

    def __init__(self) -> None:
        super().__init__(
            title="CRM",
            version=version("crm-mesh"),
            description=_DESCRIPTION,
            openapi_tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
            generate_unique_id_function=_operation_id,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
            responses={"default": {"model": ErrorBody}},
        )

    def openapi(self) -> Schema:
        """The contract, made once per process."""
        if self.openapi_schema is None:
            contract = super().openapi()
            contract["components"]["headers"] = _HEADERS
            for path, operation in _operations(contract):
                _complete(operation, POLICIES[path])
        return super().openapi()


def _operation_id(route: APIRoute) -> str:
    """Name of an operation for clients that are generated from the contract: sessionLogin."""
    return to_camel("_".join([*map(str, route.tags), route.name]))


def _operations(contract: Schema) -> Iterator[tuple[str, Schema]]:
    for path, methods in contract["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(operation: Schema, policy: Policy) -> None:
    """Add to *operation* what *policy* implies."""
    operation["summary"] = operation.pop("description").rstrip(".")
    responses: dict[str, Schema] = operation["responses"]
    problem = responses.pop("default")  # its presence keeps FastAPI from adding a 422 of its own
    for status, reason in _implied(policy):
        responses.setdefault(status, problem | {"description": reason})
    for status, response in responses.items():
        names = ("X-Correlation-Id", *_MORE_HEADERS.get(status, ()))
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        if status >= "400" and _is_page(operation):
            response["content"] = {HTML: {"schema": {"type": "string"}}}
    operation["responses"] = dict(sorted(responses.items()))
    if policy.body:
        operation["requestBody"]["description"] = f"At most {policy.largest_body // KIBIBYTE} KiB."


def _is_page(operation: Schema) -> bool:
    """Tell whether only browsers ask for *operation*, so that problems are pages too."""
    return [*operation["responses"].get("200", {}).get("content", ())] == [HTML]


def _implied(policy: Policy) -> Iterator[tuple[str, str]]:
    """Refusals that the layers before the endpoint make under *policy*, by status."""
    if policy.caller:
        yield "401", "No token, or one that is not good."
        yield "403", f"The token of somebody who is no {policy.caller}."
    if policy.method != "GET":
        yield "413", f"A body of more than {policy.largest_body // KIBIBYTE} KiB."
    if policy.body:
        yield "415", f"A body that is not {' or '.join(sorted(policy.body))} in UTF-8, or is compressed."
    if policy.per_address:
        yield "429", f"More than {policy.per_address} requests a minute of one address."
    if policy.per_caller:
        alike = f" of all under {policy.counted_with}" if policy.counted_with else ""
        yield "429", f"More than {policy.per_caller} requests a minute{alike} of one {policy.caller}."
    yield "431", "Headers of more than 16 KiB."
    yield "500", "A fault of ours; the correlation id finds it in the logs."
    yield "503", "What is needed does not answer, or there are too many connections."
    yield "504", "No answer in time."
