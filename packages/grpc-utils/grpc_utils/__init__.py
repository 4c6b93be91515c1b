"""gRPC for all services: who calls, what the call may see, how it is answered.

Start with `pipeline.py`, the order in which a call is checked; `errors.py` lists the refusals
that services share, `client.py` calls other services. This package never imports nats_utils.
"""

from grpc_utils.afterwards import Afterwards
from grpc_utils.amounts import currency, money, percentage, rounded
from grpc_utils.auth import Authenticator, JetonExpire, JetonRevoque, bearer_of
from grpc_utils.breaker import Breaker
from grpc_utils.client import Failure, Peers, answered_or_none, failure_of, info_of, reason_of
from grpc_utils.fields import (
    at_most,
    civil_date,
    electronic_address,
    email_address,
    entry,
    is_opaque_id,
    one_of,
    opaque_id,
    optional_date,
    required,
    siren_number,
    siret_number,
    vat_number,
    web_address,
)
from grpc_utils.file_names import file_name
from grpc_utils.headers import AUTHORIZATION, CORRELATION
from grpc_utils.idempotency import Idempotency
from grpc_utils.identity import SERVICE_PREFIX, Identity, caller
from grpc_utils.internal import InvalidServiceKey, KeyPair, ServiceSigner, new_key_pair, service_issuers
from grpc_utils.jwks import Jwks, JwksError, KeySet
from grpc_utils.keyed import Keyed, content_hash, insert_once
from grpc_utils.listener import listener
from grpc_utils.lists import all_pages, list_answer, page_of, page_request
from grpc_utils.messages import (
    changes,
    expected_version,
    found,
    free_structure,
    instant,
    timestamp,
    to_message,
)
from grpc_utils.person_names import person_name
from grpc_utils.pipeline import Context, Greeting, Guards, Pipeline
from grpc_utils.requests import clean_lines, clean_text, outer_text
from grpc_utils.revocation import Revocations
from grpc_utils.sentences import permitted, within
from grpc_utils.server import LARGEST_MESSAGE, Address, PortTaken, Server
from grpc_utils.tenancy import Tenancy
from grpc_utils.verifier import (
    ORGANISATION_CLAIMS,
    Algorithm,
    AmbiguousIssuer,
    FixedKey,
    Issuer,
    TokenVerifier,
)
from grpc_utils.written import written_amount, written_day

__all__ = [
    "AUTHORIZATION",
    "CORRELATION",
    "LARGEST_MESSAGE",
    "ORGANISATION_CLAIMS",
    "SERVICE_PREFIX",
    "Address",
    "Afterwards",
    "Algorithm",
    "AmbiguousIssuer",
    "Authenticator",
    "Breaker",
    "Context",
    "Failure",
    "FixedKey",
    "Greeting",
    "Guards",
    "Idempotency",
    "Identity",
    "InvalidServiceKey",
    "Issuer",
    "JetonExpire",
    "JetonRevoque",
    "Jwks",
    "JwksError",
    "KeyPair",
    "KeySet",
    "Keyed",
    "Peers",
    "Pipeline",
    "PortTaken",
    "Revocations",
    "Server",
    "ServiceSigner",
    "Tenancy",
    "TokenVerifier",
    "all_pages",
    "answered_or_none",
    "at_most",
    "bearer_of",
    "caller",
    "changes",
    "civil_date",
    "claims",
    "clean_lines",
    "clean_text",
    "content_hash",
    "currency",
    "deadline",
    "electronic_address",
    "email_address",
    "entry",
    "errors",
    "expected_version",
    "failure_of",
    "file_name",
    "found",
    "free_structure",
    "idempotency",
    "info_of",
    "insert_once",
    "instant",
    "is_opaque_id",
    "list_answer",
    "listener",
    "money",
    "new_key_pair",
    "one_of",
    "opaque_id",
    "optional_date",
    "outer_text",
    "page_of",
    "page_request",
    "percentage",
    "permitted",
    "person_name",
    "providers",
    "reason_of",
    "required",
    "rounded",
    "service_issuers",
    "settings",
    "siren_number",
    "siret_number",
    "telemetry",
    "timestamp",
    "to_message",
    "vat_number",
    "web",
    "web_address",
    "within",
    "written_amount",
    "written_day",
]
