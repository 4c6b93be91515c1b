"""Revocations of tokens, announced in a key-value bucket that every process follows (`following.py`).

An announcement is written with the revocation itself, through the outbox; the relay puts it
into the bucket within milliseconds of the commit.
"""

import base64

from crm.auth.auth_pb2 import Revocation
from db_utils import Transaction, uuid7

from nats_utils.events import REVOCATIONS_STREAM
from nats_utils.tables import OutboxRow

SUBJECT = "$KV.CRM_REVOCATIONS"


def announce_revocation(tx: Transaction, revocation: Revocation) -> None:
    """Announce *revocation* to every process once *tx* has committed, at least once."""
    tx.insert_at_commit(
        OutboxRow(
            message_id=f"revocation:{uuid7()}",
            stream=REVOCATIONS_STREAM,
            subject=f"{SUBJECT}.{_key(revocation)}",
            payload=revocation.SerializeToString(),
            headers={},
        )
    )


def _key(revocation: Revocation) -> str:
    """The key of the bucket for the token or user that *revocation* names; a later entry replaces it."""
    if revocation.jti:
        return f"jti.{_encoded(revocation.jti)}"
    key = f"user.{_encoded(revocation.utilisateur_id)}"
    return f"{key}.{_encoded(revocation.organisation_id)}" if revocation.organisation_id else key


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()
