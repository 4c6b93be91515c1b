"""Tables, transactions, lists and migrations of a service's own PostgreSQL schema.

Start with `Database` and `Transaction`. This package knows neither gRPC nor NATS.
"""

from db_utils.database import Database, role_of, session_options
from db_utils.errors import (
    Conflict,
    DatabaseError,
    DatabaseUnavailable,
    InvalidPage,
    InvalidText,
    InvalidValue,
    OrganisationRequired,
    ReferenceViolation,
    SerializationConflict,
    StatementTimeout,
    TextTooLong,
    UnknownChoice,
    VersionConflict,
)
from db_utils.execution import Connection
from db_utils.failpoints import failpoint
from db_utils.ids import parse_uuid, uuid7
from db_utils.keys import Key, Searched
from db_utils.listing import Listing, Page, PageRequest
from db_utils.reader import Reader
from db_utils.tables import (
    Choice,
    Entity,
    Row,
    SoftDelete,
    Tenant,
    TenantOrSystem,
    Versioned,
    metadata,
)
from db_utils.texts import text_key, without_format
from db_utils.transaction import Transaction
from db_utils.worker import Worker

__all__ = [
    "Choice",
    "Conflict",
    "Connection",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "Entity",
    "InvalidPage",
    "InvalidText",
    "InvalidValue",
    "Key",
    "Listing",
    "OrganisationRequired",
    "Page",
    "PageRequest",
    "Reader",
    "ReferenceViolation",
    "Row",
    "Searched",
    "SerializationConflict",
    "SoftDelete",
    "StatementTimeout",
    "Tenant",
    "TenantOrSystem",
    "TextTooLong",
    "Transaction",
    "UnknownChoice",
    "VersionConflict",
    "Versioned",
    "Worker",
    "failpoint",
    "metadata",
    "parse_uuid",
    "role_of",
    "session_options",
    "text_key",
    "uuid7",
    "without_format",
]
