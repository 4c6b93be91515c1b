"""The contract for people: Swagger UI, served by ourselves; nothing of it comes from other machines.

Its files are those of the package fastapi-offline. The page allows its own two files, the one
script below and calls to this gateway, and nothing else.
"""

from string import Template
from typing import Final

from starlette.staticfiles import StaticFiles

from gateway.pages import page_headers
from gateway.policies import CONTRACT, DOCS_FILE

_STYLE, _PROGRAM = "swagger-ui.css", "swagger-ui-bundle.js"
ASSETS: Final = frozenset({_STYLE, _PROGRAM})
# `validatorUrl: null` keeps the address of the contract from validator.swagger.io. A token that is
# typed in stays in the memory of the page (`persistAuthorization: false`).
_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$style" nonce="$nonce">
</head>
<body>
<noscript>This page needs JavaScript; the contract itself is at <a href="$contract">$contract</a>.</noscript>
<div id="contract"></div>
<script src="$program" nonce="$nonce"></script>
<script nonce="$nonce">
SwaggerUIBundle({
  url: "$contract",
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
</script>
</body>
</html>
""")


def viewer_page(title: str, nonce: str) -> str:
    """The page that shows the contract; *nonce* is that of its headers."""
    return _PAGE.substitute(
        title=title,
        nonce=nonce,
        contract=CONTRACT,
        style=DOCS_FILE.format(file=_STYLE),
        program=DOCS_FILE.format(file=_PROGRAM),
    )


def viewer_headers(nonce: str) -> dict[str, str]:
    """Headers of the page: its own files, its script and calls to this gateway, nothing else."""
    own = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'"
    return page_headers(f"{own}; img-src data:; connect-src 'self'; form-action 'none'")


def viewer_files() -> StaticFiles:
    """The files of Swagger UI, of which only `ASSETS` are for browsers."""
    return StaticFiles(packages=[("fastapi_offline", "static")])
