"""The page at the address of the gateway: what runs here and where to go. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Final

from gateway.pages import page_headers

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CRM</title>
<link rel="icon" href="data:,">
<style nonce="$nonce">
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
td { padding: .1rem 2rem .1rem 0 }
pre { background: #8882; padding: .75rem; white-space: pre-wrap }
:root { color-scheme: light dark }
</style>
</head>
<body>
<h1>CRM</h1>
<p>This is the HTTP gateway of the CRM: sign-in, profile, webhooks and connected accounts.
People use the application at <a href="$application">$application</a>.</p>
<table>
$links
</table>
$services
</body>
</html>
""")
_SERVICES: Final = Template("""\
<h2>Behind it</h2>
<p>The services of this machine speak gRPC, each at a port of its own:</p>
<table>
$rows
</table>
<pre>grpcurl -plaintext -H "authorization: Bearer $$(./scripts/crm token)" localhost:$example list</pre>
""")


@dataclass(frozen=True, slots=True)
class Link:
    """An address of the gateway: *name* is for programs, *title* for people."""

    name: str
    path: str
    title: str


def front_page(application: str, links: Iterable[Link], ports: Mapping[str, int], nonce: str) -> str:
    """The page. *application* is the address for people; without *ports* no service is shown."""
    return _PAGE.substitute(
        nonce=nonce,
        application=escape(application),
        links=_rows((f'<a href="{link.path}">{link.path}</a>', link.title) for link in links),
        services=_services(ports) if ports else "",
    )


def front_headers(nonce: str) -> dict[str, str]:
    """Headers of the page: its style may be applied, and nothing else."""
    return page_headers(f"style-src 'nonce-{nonce}'; img-src data:; form-action 'none'")


def _services(ports: Mapping[str, int]) -> str:
    rows = _rows((escape(name), f"<code>{port}</code>") for name, port in ports.items())
    return _SERVICES.substitute(rows=rows, example=next(iter(ports.values())))


def _rows(cells: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in cells)
