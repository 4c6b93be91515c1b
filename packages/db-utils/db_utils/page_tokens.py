"""Page tokens: a place in a list, with a digest of the list's sort, filters and organisation."""

import base64
import hashlib

_LONGEST_TOKEN = 2048  # characters; the longest place takes less than half of them
_DIGEST = 9  # bytes; a multiple of three, which base64 writes without padding


def sealed(content: bytes, asked: str) -> str:
    """The token for *content*, valid for the question *asked* alone."""
    return base64.urlsafe_b64encode(digest(asked, content) + content).decode().rstrip("=")


def opened(token: str, asked: str) -> bytes:
    """The content of *token*. Raises ValueError unless it was made for the question *asked*."""
    if len(token) > _LONGEST_TOKEN:
        raise ValueError("too long")
    raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    content = raw[_DIGEST:]
    if raw[:_DIGEST] != digest(asked, content):
        raise ValueError("another list, another sort, other filters, or a changed token")
    return content


def digest(asked: str, content: bytes) -> bytes:
    """The digest that binds *content* to the question *asked*.

    It is no protection: a forged token names a place in a list that its bearer may read anyway.
    """
    return hashlib.blake2b(asked.encode(errors="surrogatepass") + content, digest_size=_DIGEST).digest()
