"""One gRPC edge for all services: who calls, what may be seen, how it is answered.

Start with `pipeline.py`, the order in which a call is checked; `errors.py` lists every
refusal. This package never imports nats_utils.
"""

from grpc_utils.auth import Authenticator
from grpc_utils.client import Peers, answered_or_none, info_of, reason_of
from grpc_utils.fields import (
    civil_date,
    email_address,
    opaque_id,
    required,
    siren_number,
    siret_number,
    vat_number,
)
from grpc_utils.idempotency import Idempotency
from grpc_utils.identity import ANONYMOUS, Identity, caller, maybe_caller
from grpc_utils.internal import KeyPair, ServiceSigner, new_key_pair, service_issuers
from grpc_utils.jwks import Jwks, KeySet
from grpc_utils.keyed import Keyed, content_hash, insert_once
from grpc_utils.messages import (
    changes,
    expected_version,
    found,
    instant,
    page_request,
    page_result,
    timestamp,
    to_message,
)
from grpc_utils.pipeline import Context, Guards
from grpc_utils.requests import clean_lines, clean_text
from grpc_utils.server import Address, PortTaken, Server
from grpc_utils.tenancy import Tenancy
from grpc_utils.verifier import FixedKey, Issuer, TokenVerifier

__all__ = [
    "ANONYMOUS",
    "Address",
    "Authenticator",
    "Context",
    "FixedKey",
    "Guards",
    "Idempotency",
    "Identity",
    "Issuer",
    "Jwks",
    "KeyPair",
    "KeySet",
    "Keyed",
    "Peers",
    "PortTaken",
    "Server",
    "ServiceSigner",
    "Tenancy",
    "TokenVerifier",
    "answered_or_none",
    "caller",
    "changes",
    "civil_date",
    "clean_lines",
    "clean_text",
    "content_hash",
    "email_address",
    "expected_version",
    "found",
    "info_of",
    "insert_once",
    "instant",
    "maybe_caller",
    "new_key_pair",
    "opaque_id",
    "page_request",
    "page_result",
    "reason_of",
    "required",
    "service_issuers",
    "siren_number",
    "siret_number",
    "timestamp",
    "to_message",
    "vat_number",
]
