"""Tables, transactions, lists and migrations of a service's own PostgreSQL schema.

Start with `Database` and `Transaction`. This package knows neither gRPC nor NATS.
"""

from db_utils.context import BY_ID, EVERYTHING, NOTHING, Scope, scope, unscoped, within
from db_utils.database import Database, once_committed, role_of, session_options
from db_utils.due import due_rows, take_due
from db_utils.envelope import Envelope, InvalidKeys, Undecipherable
from db_utils.errors import (
    Conflict,
    DatabaseError,
    DatabaseUnavailable,
    InvalidPage,
    InvalidPageToken,
    InvalidText,
    InvalidValue,
    LastingConflict,
    OrganisationRequired,
    ReferenceViolation,
    SerializationConflict,
    StalePlan,
    StatementTimeout,
    StillReferenced,
    TextTooLong,
    UnknownChoice,
    VersionConflict,
)
from db_utils.failpoints import arm_failpoint, failpoint
from db_utils.ids import parse_uuid, uuid7
from db_utils.keys import Key, Rank, Searched
from db_utils.listing import Listing
from db_utils.months import months_later
from db_utils.pages import DEFAULT_SIZE, LARGEST_SIZE, Page, PageRequest
from db_utils.pool import Connection
from db_utils.queues import Backlog, backlog, counted_of, queues_of
from db_utils.reader import Reader
from db_utils.rekeying import keyed_models, rekey
from db_utils.retention import Retention, purge, purge_job
from db_utils.retrying import retried
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
from db_utils.worker import AGAIN, Worker

__all__ = [
    "AGAIN",
    "BY_ID",
    "DEFAULT_SIZE",
    "EVERYTHING",
    "LARGEST_SIZE",
    "NOTHING",
    "Backlog",
    "Choice",
    "Conflict",
    "Connection",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "Entity",
    "Envelope",
    "InvalidKeys",
    "InvalidPage",
    "InvalidPageToken",
    "InvalidText",
    "InvalidValue",
    "Key",
    "LastingConflict",
    "Listing",
    "OrganisationRequired",
    "Page",
    "PageRequest",
    "Rank",
    "Reader",
    "ReferenceViolation",
    "Retention",
    "Row",
    "Scope",
    "Searched",
    "SerializationConflict",
    "SoftDelete",
    "StalePlan",
    "StatementTimeout",
    "StillReferenced",
    "Tenant",
    "TenantOrSystem",
    "TextTooLong",
    "Transaction",
    "Undecipherable",
    "UnknownChoice",
    "VersionConflict",
    "Versioned",
    "Worker",
    "arm_failpoint",
    "backlog",
    "clock",
    "context",
    "counted_of",
    "due_rows",
    "failpoint",
    "keyed_models",
    "metadata",
    "migrations",
    "months_later",
    "once_committed",
    "parse_uuid",
    "purge",
    "purge_job",
    "queues_of",
    "rekey",
    "retried",
    "role_of",
    "scope",
    "session_options",
    "take_due",
    "text_key",
    "unscoped",
    "uuid7",
    "within",
    "without_format",
]
