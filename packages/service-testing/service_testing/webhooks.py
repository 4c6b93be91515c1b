"""Webhooks as an identity provider (Kinde) sends them: the bytes and the headers, signed.

webhook = hmac_webhook(content, "secret", at=1760000000)
await client.post(url, content=webhook.body, headers=webhook.headers)
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from service_testing.issuer import IdentityProvider
from service_testing.tokens import compact, rsa_by


@dataclass(frozen=True, slots=True)
class Webhook:
    """A body with the headers, in lower case, that go with it."""

    body: bytes
    headers: dict[str, str]

    @property
    def content_type(self) -> str:
        """What the headers say of the body."""
        return self.headers["content-type"]


def hmac_webhook(content: object, secret: str, *, at: int | None = None, **headers: str) -> Webhook:
    """*content* as JSON (bytes as they are), signed with HMAC-SHA256; *at* (Unix seconds) is signed too.

    *headers* are added; underscores stand for hyphens.
    """
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    signed, stamp = body, {}
    if at is not None:
        signed, stamp = f"{at}.".encode() + body, {"x-kinde-timestamp": str(at)}
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    usual = {"content-type": "application/json", "x-kinde-signature": signature}
    return Webhook(body, usual | stamp | {name.replace("_", "-"): value for name, value in headers.items()})


def token_webhook(content: object, provider: IdentityProvider) -> Webhook:
    """*content* as a token that *provider* signs with its newest key."""
    header = {"alg": "RS256", "typ": "JWT", "kid": provider.kid}
    token = compact(header, content, rsa_by(provider.key))
    return Webhook(token.encode(), {"content-type": "application/jwt"})
