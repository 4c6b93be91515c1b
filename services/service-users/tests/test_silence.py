"""Personal data and secrets, which stand in no log and in no refusal (C16)."""

import logging
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    InvitationServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from service_testing import Mesh, refusal
from service_testing.webhooks import hmac_webhook
from tests.personnes import PASSWORD, SECRET, Seen, Someone

BODY = "Jeanne-Antoinette"


async def test_C16_neither_logs_nor_refusals_tell_personal_data(
    mesh: Mesh,
    people: UtilisateurServiceStub,
    credentials: CredentialServiceStub,
    sync: SyncServiceStub,
    someone: Someone,
    seen: Seen,
    email: str,
    sujet: str,
    org: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Addresses, passwords, tokens and bodies appear nowhere, whether calls succeed or not."""
    caplog.set_level(logging.DEBUG)
    user = await someone(email=email, mot_de_passe=PASSWORD)
    invitations = mesh.service_stub(InvitationServiceStub, caller="organisations")
    invitation = await invitations.Create(pb.CreateInvitationRequest(organisation_id=org, email_invite=email))
    event = {"type": "user.created", "user": {"id": sujet, "email": email, "first_name": BODY}}
    webhook = hmac_webhook(event, "autre-secret", at=1)
    forged = pb.HandleProviderWebhookRequest(
        fournisseur="kinde",
        corps=webhook.body,
        content_type=webhook.content_type,
        entetes=webhook.headers,
    )
    calls: list[Any] = [
        credentials.VerifyPassword(pb.VerifyPasswordRequest(email=email, mot_de_passe="un autre mot")),
        people.Create(pb.CreateUtilisateurRequest(email=email)),
        sync.SyncUser(seen(email_verifie=False)),
        sync.HandleProviderWebhook(forged),
        invitations.Create(pb.CreateInvitationRequest(organisation_id=org, email_invite=email)),
        credentials.SetPassword(pb.SetPasswordRequest(utilisateur_id=user.id, nouveau=email)),
    ]
    told = [str(await refusal(call)) for call in calls]
    told += [record.getMessage() for record in caplog.records]
    secrets = (email, PASSWORD, "un autre mot", SECRET, BODY, invitation.jeton)
    assert [text for text in told if any(secret in text for secret in secrets)] == []
