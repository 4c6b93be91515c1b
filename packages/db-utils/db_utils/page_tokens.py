"""Page tokens: a place in a list, bound by a digest to the question that the list answers."""

import base64
import hashlib

_LONGEST_TOKEN = 2048  # characters; the longest key takes less than half of it
_DIGEST = 9  # bytes


def sealed(content: bytes, asked: str) -> str:
    """The token that says *content* to who asks *asked* again."""
    return base64.urlsafe_b64encode(digest(asked, content) + content).decode().rstrip("=")


def opened(token: str, asked: str) -> bytes:
    """What *token* says, if it was made for what is *asked* now. Raises ValueError."""
    if len(token) > _LONGEST_TOKEN:
        raise ValueError("too long")
    raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    content = raw[_DIGEST:]
    if raw[:_DIGEST] != digest(asked, content):
        raise ValueError("another list, another sort, other filters, or a changed token")
    return content


def digest(asked: str, content: bytes) -> bytes:
    """What binds *content* to *asked*.

    No secret: a forged token only names a place in a list that its bearer may read anyway.
    """
    return hashlib.blake2b(asked.encode(errors="surrogatepass") + content, digest_size=_DIGEST).digest()
