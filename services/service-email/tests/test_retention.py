"""What is forgotten of old messages (R17)."""

from datetime import timedelta

from crm.email import email_pb2 as pb
from db_utils import clock
from grpc import StatusCode
from service_email import models
from service_email.retention import KEPT, forget
from service_testing import refused
from service_testing.smtp import SmtpServer
from sqlalchemy import func, select
from tests.secretariat import Bureau

_COUNT = select(func.count()).select_from(models.ContenuPiece)


async def contents(bureau: Bureau) -> int:
    """The number of attachments of the organisation whose bytes are stored."""
    mine = _COUNT.where(models.ContenuPiece.organisation_id == bureau.org)
    count: int = await bureau.app.database.read().one(mine)
    return count


async def test_R17_an_old_message_keeps_who_and_when_and_loses_what(bureau: Bureau, smtp: SmtpServer) -> None:
    """After 180 days bodies and attachments are gone; it cannot be sent again. A younger one keeps all."""
    smtp.refuse("jean@exemple.fr")
    piece = pb.NouvellePieceJointe(nom="plan.txt", contenu=b"plan")
    sent = await bureau.send(corps_html="<p>Bonjour.</p>", pieces_jointes=[piece])
    await bureau.deliver()
    before = await bureau.message(sent)
    assert (before.statut, before.corps_texte, await contents(bureau)) == ("echec", "Bonjour.", 1)
    with clock.frozen_at(clock.now() + KEPT - timedelta(hours=1)):
        await forget(bureau.app)
    assert (await bureau.message(sent), await contents(bureau)) == (before, 1)
    with clock.frozen_at(clock.now() + KEPT + timedelta(hours=1)):
        await forget(bureau.app)
        await forget(bureau.app)
    after = await bureau.message(sent)
    assert (after.corps_texte, after.corps_html, await contents(bureau)) == ("", "", 0)
    assert (after.sujet, list(after.a), list(after.pieces_jointes)) == (
        before.sujet,
        list(before.a),
        list(before.pieces_jointes),
    )
    again = bureau.emails.Renvoyer(pb.RenvoyerMessageRequest(id=sent.id))
    assert await refused(again) == (StatusCode.FAILED_PRECONDITION, "CONTENU_EFFACE")


async def test_R17_a_message_that_waits_keeps_what_it_says(bureau: Bureau, smtp: SmtpServer) -> None:
    """However old it is."""
    sent = await bureau.send()
    with clock.frozen_at(clock.now() + 2 * KEPT):
        await forget(bureau.app)
    await bureau.deliver(2 * KEPT)
    (mail,) = smtp.mails
    assert mail.body("plain").strip() == "Bonjour."
    assert (await bureau.message(sent)).statut == "envoye"
