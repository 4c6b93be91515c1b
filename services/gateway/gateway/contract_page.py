"""The contract of the edge as a page to read. Pure: no script, nothing from other machines."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from string import Template
from typing import Any, Final

from gateway.policies import CONTRACT

Schema = Mapping[str, Any]

_STYLE: Final = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1rem; margin: 2rem 0 .25rem } pre { background: #8881; padding: .75rem; overflow: auto }
"""
_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>$title</title><style>$style</style></head>
<body>
<h1>$title</h1>
<p>$description <a href="$contract">OpenAPI</a></p>
$operations
</body>
</html>
""")


def contract_page(contract: Schema) -> str:
    """*contract*, an OpenAPI document, for people."""
    return _PAGE.substitute(
        title=escape(contract["info"]["title"]),
        description=escape(contract["info"]["description"]),
        style=_STYLE,
        contract=CONTRACT,
        operations="\n".join(_operations(contract)),
    )


def headers() -> dict[str, str]:
    """The headers that let the page have its style, and nothing else."""
    style = b64encode(sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'"
    return {"content-security-policy": policy, "x-frame-options": "DENY"}


def _operations(contract: Schema) -> Iterator[str]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield _operation(f"{method.upper()} {path}", operation, contract)


def _operation(title: str, operation: Schema, contract: Schema) -> str:
    proofs = [name for requirement in operation.get("security", ()) for name in requirement]
    needs = f" Needs the bearer token of a {' or '.join(proofs)}." if proofs else ""
    shapes = {
        "Body": operation.get("requestBody", {}),
        "Answer": next(iter(operation["responses"].values())),
    }
    return "\n".join(
        [
            f"<h2><code>{escape(title)}</code></h2>",
            f"<p>{escape(operation['description'])}{needs}</p>",
            *(_shape(name, content, contract) for name, content in shapes.items()),
        ]
    )


def _shape(title: str, content: Schema, contract: Schema) -> str:
    """What a body or answer in JSON looks like, "" for none."""
    named = content.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    if not named:
        return ""
    schema = contract["components"]["schemas"][named.rpartition("/")[2]]
    fields = {name: _type(field) for name, field in schema["properties"].items()}
    return f"<p>{title}</p><pre>{escape(json.dumps(fields, indent=2))}</pre>"


def _type(field: Schema) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if field.get("type") == "array":
        return f"{_type(field['items'])}, any number"
    return str(field.get("type", "anything"))
