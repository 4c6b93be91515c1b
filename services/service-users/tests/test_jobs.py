"""Jobs of the running service: each is wired to its work."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from db_utils import clock
from service_kit.registry import service_named
from service_testing import eventually, running
from service_users.models import Invitation, OrganisationAAssurer, WebhookRecu
from service_users.service import SERVICE
from sqlalchemy import select
from tests.personnes import new_email, new_org, new_subject

_SOON = timedelta(milliseconds=50)


async def test_C18_the_jobs_run_by_themselves() -> None:
    """Jobs apply a waiting webhook, purge an old one, expire an invitation and tell an organisation."""
    hasty = replace(SERVICE, workers=tuple(replace(one, every=_SOON) for one in SERVICE.workers))
    now, org, sujet = clock.now(), new_org(), new_subject()
    webhook: dict[str, Any] = {"fournisseur": "kinde", "type": "user.deleted"}
    waiting = WebhookRecu(cle="1", sujet=sujet, resultat="EN_FILE", prochain_essai=now, **webhook)
    old = WebhookRecu(cle="2", sujet="", resultat="TRAITE", recu_le=now - timedelta(days=31), **webhook)
    invitation = Invitation(
        organisation_id=org, email_invite=new_email(), role="VIEWER", jeton_hash=b"x", expire_le=now
    )
    async with running(service_named("organisations"), hasty) as mesh:
        database = mesh.database("users")
        async with database.transaction() as tx:
            for row in (waiting, old, invitation, OrganisationAAssurer(organisation_id=org)):
                await tx.insert(row)

        async def done() -> bool:
            reader = database.read()
            webhooks = await reader.all(select(WebhookRecu.cle, WebhookRecu.resultat))
            over = await reader.one(select(Invitation.etat))
            left = await reader.one(select(OrganisationAAssurer.organisation_id))
            return (webhooks, over, left) == ([("1", "IGNORE")], "expired", None)

        await eventually(done)
