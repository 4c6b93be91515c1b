"""The page that ends the pop-up of a Google sign-in (G11, G12). Pure: text in, text out.

The message for the window that opened it is data in a JSON block; the only script is ours,
and nothing of the request is ever in the page.
"""

import json
from collections.abc import Mapping
from string import Template

from gateway.pages import page_headers

_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_PAGE = Template("""\
<!doctype html>
<html lang="fr">
<head><meta charset="utf-8"><title>Connexion</title></head>
<body>
<p>$text</p>
<script type="application/json" id="message">$message</script>
<script nonce="$nonce">
const block = document.getElementById("message");
const message = JSON.parse(block.textContent);
block.remove();
if (window.opener) {
  window.opener.postMessage(message, $origin);
  window.close();
}
</script>
</body>
</html>
""")
_SIGNED_IN = "Vous êtes connecté. Vous pouvez fermer cette fenêtre."
_REFUSED = "La connexion n'a pas abouti. Vous pouvez fermer cette fenêtre."
SUCCESS, FAILURE = "crm:auth", "crm:auth:error"


def closing_page(message: Mapping[str, object], origin: str, nonce: str) -> str:
    """The page that posts *message* to the opener if its origin is *origin*, and closes."""
    return _PAGE.substitute(
        text=_SIGNED_IN if message["type"] == SUCCESS else _REFUSED,
        message=_embedded(message),
        origin=_embedded(origin),
        nonce=nonce,
    )


def headers(nonce: str) -> dict[str, str]:
    """Headers of this page: its script may run, and the link to its opener survives."""
    return page_headers(f"script-src 'nonce-{nonce}'", opener="unsafe-none")


def _embedded(value: object) -> str:
    """JSON of *value* that ends no script block and no line (HTML, ECMA-262 before 2019)."""
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
