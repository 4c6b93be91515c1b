"""Helpers of the tests of invitations."""

from collections.abc import Callable

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub

InvitationsOf = Callable[..., InvitationServiceStub]  # called with a user and an organisation


def accept(invitation: pb.Invitation) -> pb.AcceptInvitationRequest:
    """Build the request that accepts *invitation*."""
    return pb.AcceptInvitationRequest(jeton=invitation.jeton)
