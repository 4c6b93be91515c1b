"""Headers that all pages of the gateway share: a page may do what it needs, and nothing else."""

from typing import Final

_ISOLATED: Final = "same-origin"


def page_headers(allowed: str, opener: str = _ISOLATED) -> dict[str, str]:
    """Headers of a page whose Content-Security-Policy permits *allowed* and nothing else.

    *opener* is its Cross-Origin-Opener-Policy. A page is never stored: its nonce serves once.
    """
    return {
        "content-security-policy": f"default-src 'none'; {allowed}; base-uri 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": opener,
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }
