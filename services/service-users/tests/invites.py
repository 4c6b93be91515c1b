"""What tests of invitations share."""

from collections.abc import Callable

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub

InvitationsOf = Callable[..., InvitationServiceStub]  # as a user, in an organisation


def accept(invitation: pb.Invitation) -> pb.AcceptInvitationRequest:
    """The wish to join."""
    return pb.AcceptInvitationRequest(jeton=invitation.jeton)
