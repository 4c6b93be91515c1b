"""Sending again and cancelling (R11)."""

from datetime import timedelta

import pytest
from crm.email import email_pb2 as pb
from db_utils import uuid7
from grpc import StatusCode
from service_email.models import Message, Tentative
from service_email.queue import Queue
from service_testing import Mesh, refused
from service_testing.smtp import SmtpServer
from sqlalchemy import bindparam, select
from tests.secretariat import Bureau

CONDITION, MISSING = StatusCode.FAILED_PRECONDITION, (StatusCode.NOT_FOUND, "INTROUVABLE")
_NUMBERS = select(Tentative.numero).where(Tentative.message_id == bindparam("of")).order_by(Tentative.numero)


def again(sent: pb.Message) -> pb.RenvoyerMessageRequest:
    """The request to send it again."""
    return pb.RenvoyerMessageRequest(id=sent.id)


def cancel(sent: pb.Message) -> pb.AnnulerMessageRequest:
    """The request to cancel it."""
    return pb.AnnulerMessageRequest(id=sent.id)


async def test_R11_a_failed_mail_is_sent_again_from_the_start(bureau: Bureau, smtp: SmtpServer) -> None:
    """Attempts count anew, the journal goes on, the Message-ID stays."""
    smtp.script("550 5.1.1 no such user")
    sent = await bureau.send()
    await bureau.deliver()
    assert (await bureau.state(sent))[:2] == ("echec", 1)
    waiting = await bureau.emails.Renvoyer(again(sent))
    assert (waiting.statut, waiting.tentatives, waiting.derniere_erreur) == ("en_file", 0, "")
    await bureau.deliver(timedelta(seconds=1))
    assert await bureau.state(sent) == ("envoye", 1, "")
    row = await bureau.app.database.read().get(Message, sent.id)
    assert await bureau.app.database.read().all(_NUMBERS, of=row.id) == [1, 2]
    assert [mail.message["Message-ID"] for mail in smtp.mails] == [sent.message_id]


async def test_R11_a_cancelled_mail_is_not_sent_until_it_is_sent_again(
    bureau: Bureau, smtp: SmtpServer
) -> None:
    """Cancelling is for what waits, a retry included."""
    smtp.script("451 4.3.0 later")
    sent = await bureau.send()
    await bureau.deliver()
    gone = await bureau.emails.Annuler(cancel(sent))
    assert (gone.statut, gone.HasField("prochain_essai")) == ("annule", False)
    await bureau.deliver(timedelta(hours=2))
    assert smtp.mails == []
    await bureau.emails.Renvoyer(again(sent))
    await bureau.deliver(timedelta(hours=2))
    assert (await bureau.message(sent)).statut == "envoye"


async def test_R11_what_is_over_or_under_way_stays_as_it_is(bureau: Bureau, smtp: SmtpServer) -> None:
    """The refusal says from where to where."""
    sent = await bureau.send()
    waiting = bureau.emails.Renvoyer(again(sent))
    assert await refused(waiting) == (CONDITION, "TRANSITION_INTERDITE")
    await Queue(bureau.app.database).take(1)
    for call in (bureau.emails.Renvoyer(again(sent)), bureau.emails.Annuler(cancel(sent))):
        assert await refused(call) == (CONDITION, "TRANSITION_INTERDITE")
    await bureau.deliver(timedelta(minutes=3))
    for call in (bureau.emails.Renvoyer(again(sent)), bureau.emails.Annuler(cancel(sent))):
        assert await refused(call) == (CONDITION, "TRANSITION_INTERDITE")
    assert len(smtp.mails) == 1


async def test_R11_what_others_sent_does_not_exist(bureau: Bureau, steps: Mesh) -> None:
    """Nor what nobody sent."""
    sent, foreign = await bureau.send(), Bureau(steps, f"{bureau.org}-autre")
    assert await refused(foreign.emails.Renvoyer(again(sent))) == MISSING
    assert await refused(foreign.emails.Annuler(cancel(sent))) == MISSING
    unknown = pb.Message(id=str(uuid7()))
    assert await refused(bureau.emails.Renvoyer(again(unknown))) == MISSING


@pytest.mark.parametrize("state", ["BOITE_INACTIVE", "BOITE_SUPPRIMEE"])
async def test_R11_without_its_mailbox_a_mail_is_not_sent_again(
    bureau: Bureau, poste: SmtpServer, state: str
) -> None:
    """It does not leave by another way than it was stored for."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id)
    await bureau.emails.Annuler(cancel(sent))
    if state == "BOITE_INACTIVE":
        await bureau.boites.Update(pb.UpdateBoiteMailRequest(id=boite.id, actif=False))
    else:
        await bureau.boites.Delete(pb.DeleteBoiteMailRequest(id=boite.id))
    assert await refused(bureau.emails.Renvoyer(again(sent))) == (CONDITION, state)
