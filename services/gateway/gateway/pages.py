"""What all pages of the gateway have in common: they may do what they need, and nothing else."""

from typing import Final

_ISOLATED: Final = "same-origin"


def page_headers(allowed: str, opener: str = _ISOLATED) -> dict[str, str]:
    """The headers of a page whose policy adds *allowed* to nothing at all.

    *opener* is its Cross-Origin-Opener-Policy. It is never kept: a policy names a nonce once.
    """
    return {
        "content-security-policy": f"default-src 'none'; {allowed}; base-uri 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": opener,
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }
