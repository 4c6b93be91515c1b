"""Revoked tokens on the bus: a key-value bucket that every service follows (`following.py`).

The service that revokes writes the announcement with its own change, through the outbox;
the relay puts it into the bucket within milliseconds of the commit.
"""

import base64

from crm.auth.auth_pb2 import Revocation
from db_utils import Transaction, uuid7

from nats_utils.events import REVOCATIONS_STREAM
from nats_utils.tables import OutboxRow

SUBJECT = "$KV.CRM_REVOCATIONS"


def announce_revocation(tx: Transaction, revocation: Revocation) -> None:
    """Tell every service about *revocation* once *tx* has committed."""
    kind, name = ("jti", revocation.jti) if revocation.jti else ("user", revocation.utilisateur_id)
    key = base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()
    tx.insert_at_commit(
        OutboxRow(
            message_id=f"revocation:{uuid7()}",
            stream=REVOCATIONS_STREAM,
            subject=f"{SUBJECT}.{kind}.{key}",
            payload=revocation.SerializeToString(),
            headers={},
        )
    )
