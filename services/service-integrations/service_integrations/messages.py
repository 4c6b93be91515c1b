"""Accounts as messages; tokens are in none of them."""

from datetime import datetime

from crm.integrations import integrations_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_utils import instant, to_message

from service_integrations import rules
from service_integrations.models import OauthAccount


def stored(account: OauthAccount) -> pb.Integration:
    """The message of *account* with the status of its row, which does not change while time passes."""
    metadata = Struct()
    metadata.update(account.metadata_)
    return to_message(account, pb.Integration, metadata=metadata)


def shown(message: pb.Integration, now: datetime) -> pb.Integration:
    """A copy of a `stored` message with the status that it has at *now* (R12)."""
    copy = pb.Integration()
    copy.CopyFrom(message)
    expires_at = instant(message.expires_at) if message.HasField("expires_at") else None
    complete = not message.scopes_manquants
    copy.status = rules.shown_status(message.status, expires_at, now, complete=complete)
    copy.is_connected = rules.is_connected(copy.status)
    return copy
