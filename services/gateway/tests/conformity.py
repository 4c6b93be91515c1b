"""Check of answers against the contract, made for every answer that a browser of the tests gets."""

from functools import cache
from typing import Any
from urllib.parse import unquote

import httpx
import jsonschema_rs
import orjson
from gateway.policies import CONTRACT, JSON
from gateway.routes import route_of
from service_testing.web import web_client

_OTHERS = frozenset({"HEAD", "OPTIONS"})


async def conforms(answer: httpx.Response) -> None:
    """Fail unless the contract allows *answer*, as far as it knows the request."""
    raw = answer.request.url.raw_path.partition(b"?")[0]
    route, _ = route_of({"path": unquote(raw.decode()), "raw_path": raw})
    contract = await _contract(answer.request.url)
    operation = contract["paths"].get(route, {}).get(answer.request.method.lower())
    if operation is None or answer.request.method in _OTHERS:
        return
    responses = operation["responses"]
    assert str(answer.status_code) in responses, f"{answer.request} must not be answered {answer}"
    kinds = responses[str(answer.status_code)].get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in kinds or not kinds
    if kind == JSON and "schema" in kinds.get(JSON, {}):
        _validator(orjson.dumps(kinds[JSON]["schema"])).validate(orjson.loads(await answer.aread()))


_known: list[dict[str, Any]] = []


async def _contract(url: httpx.URL) -> dict[str, Any]:
    if not _known:
        async with web_client() as client:
            _known.append((await client.get(url.copy_with(raw_path=CONTRACT.encode()))).json())
    return _known[0]


@cache
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**orjson.loads(schema), "components": _known[0]["components"]})
