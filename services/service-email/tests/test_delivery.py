"""The delivery worker, run step by step at instants that the test sets."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from db_utils import clock
from service_email.delivery import PARALLEL, deliver
from service_email.models import Message, Tentative
from service_email.queue import LEASE, Queue
from service_testing import Mesh, eventually
from service_testing.smtp import CUT, SmtpServer
from sqlalchemy import bindparam, func, select

NOW, SECOND, MINUTE, HOUR = timedelta(), timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_JOURNAL = select(Tentative).where(Tentative.message_id == bindparam("of")).order_by(Tentative.numero)
_COUNT = select(func.count()).select_from(Message)


class Post:
    """The email service without its worker, for one organisation."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self.app: Any = mesh["email"].app
        self._org, self._emails = org, mesh.stub(EmailServiceStub, organisation=org)
        self._stored_at = clock.now()

    async def send(self, *to: str) -> str:
        """Store a small mail; return its id."""
        people = [pb.Destinataire(email=one) for one in to or ("jean@exemple.fr",)]
        message = await self._emails.Send(pb.SendRequest(a=people, sujet="Bonjour", corps_texte="Bonjour."))
        self._stored_at = clock.now()
        return message.id

    async def deliver(self, after: timedelta = NOW) -> None:
        """Run a worker as if *after* had passed since the last mail was stored."""
        with clock.frozen_at(self._stored_at + after):
            await deliver(self.app)

    async def message(self, message_id: str) -> Message:
        """The stored message."""
        message: Message | None = await self.app.database.read().get(Message, message_id)
        assert message is not None
        return message

    async def state(self, message_id: str) -> tuple[str, int]:
        """The statut of the message and its number of attempts."""
        message = await self.message(message_id)
        return message.statut, message.tentatives

    async def journal(self, message_id: str) -> list[Tentative]:
        """The attempts at the message, in order."""
        message = await self.message(message_id)
        attempts: list[Tentative] = await self.app.database.read().all(_JOURNAL, of=message.id)
        return attempts

    async def count(self, **columns: Any) -> int:
        """The number of messages of the organisation with these values."""
        criteria = [getattr(Message, name) == value for name, value in columns.items()]
        mine = _COUNT.where(Message.organisation_id == self._org, *criteria)
        number: int = await self.app.database.read().one(mine)
        return number


@pytest.fixture
def post(steps: Mesh, org: str) -> Post:
    """The service for the organisation of the test."""
    return Post(steps, org)


async def test_R10_an_accepted_mail_is_envoye(post: Post, smtp: SmtpServer) -> None:
    """One attempt makes one mail; the journal holds the server's reply, and nothing is due."""
    message_id = await post.send()
    await post.deliver()
    message, (attempt,) = await post.message(message_id), await post.journal(message_id)
    assert (message.statut, message.tentatives, message.prochain_essai) == ("envoye", 1, None)
    assert message.envoye_le == attempt.fin
    assert (attempt.numero, attempt.code_smtp, attempt.reponse) == (1, 250, "2.0.0 accepted")
    assert [mail.recipients for mail in smtp.mails] == [("jean@exemple.fr",)]


async def test_R10_451_twice_then_250_is_three_attempts_and_one_mail(post: Post, smtp: SmtpServer) -> None:
    """Attempts follow after 30 seconds and 2 minutes, all with the same Message-ID."""
    smtp.script("451 4.3.0 later", "451 4.3.0 later")
    message_id = await post.send()
    for after in (NOW, 29 * SECOND, 30 * SECOND, 149 * SECOND, 150 * SECOND):
        await post.deliver(after)
    assert [attempt.code_smtp for attempt in await post.journal(message_id)] == [451, 451, 250]
    assert await post.state(message_id) == ("envoye", 3)
    assert [mail.message["Message-ID"] for mail in smtp.mails] == [
        (await post.message(message_id)).message_id
    ]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_R10_550_is_one_attempt_and_echec(post: Post, smtp: SmtpServer, stage: Any) -> None:
    """A permanent refusal ends the message at once, at whatever stage it comes."""
    smtp.script("550 5.1.1 no such user", at=stage)
    message_id = await post.send()
    await post.deliver()
    await post.deliver(HOUR)
    message = await post.message(message_id)
    assert (message.statut, message.tentatives, message.prochain_essai) == ("echec", 1, None)
    assert "no such user" in (message.derniere_erreur or "")
    assert smtp.mails == []


async def test_R10_the_fifth_failure_is_echec(post: Post, smtp: SmtpServer) -> None:
    """Attempts follow after 30 s, 2 min, 10 min and 1 h; the fifth failure is the last."""
    smtp.script(*["451 4.3.0 later"] * 6)
    message_id = await post.send()
    waits = [NOW, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR]
    for number, _ in enumerate(waits):
        assert await post.state(message_id) == ("en_file", number)
        await post.deliver(sum(waits[: number + 1], NOW) - SECOND)
        assert await post.state(message_id) == ("en_file", number)
        await post.deliver(sum(waits[: number + 1], NOW))
    assert await post.state(message_id) == ("echec", 5)


async def test_R10_a_cut_line_is_a_temporary_failure(post: Post, smtp: SmtpServer) -> None:
    """A message whose connection was cut gets through at its next attempt."""
    smtp.script(CUT)
    message_id = await post.send()
    await post.deliver()
    assert await post.state(message_id) == ("en_file", 1)
    await post.deliver(30 * SECOND)
    assert await post.state(message_id) == ("envoye", 2)


async def test_R10_one_refused_recipient_does_not_stop_the_others(post: Post, smtp: SmtpServer) -> None:
    """The mail is envoye, and the refusal stands in derniere_erreur."""
    smtp.refuse("parti@exemple.fr")
    message_id = await post.send("jean@exemple.fr", "parti@exemple.fr")
    await post.deliver()
    message = await post.message(message_id)
    assert (message.statut, message.tentatives) == ("envoye", 1)
    assert message.derniere_erreur == "parti@exemple.fr: 550 5.1.1 no such user"
    assert [mail.recipients for mail in smtp.mails] == [("jean@exemple.fr",)]


async def test_R10_recipients_all_refused_for_good_are_echec(post: Post, smtp: SmtpServer) -> None:
    """Permanent refusals of all recipients leave nobody to try for."""
    smtp.refuse("jean@exemple.fr")
    smtp.refuse("lea@exemple.fr", "551 5.1.6 moved")
    message_id = await post.send("jean@exemple.fr", "lea@exemple.fr")
    await post.deliver()
    assert await post.state(message_id) == ("echec", 1)


async def test_R10_a_greylisted_recipient_is_tried_again(post: Post, smtp: SmtpServer) -> None:
    """All recipients refused, one of them only for now, is a temporary failure."""
    smtp.refuse("jean@exemple.fr", "451 4.7.1 greylisted")
    smtp.refuse("lea@exemple.fr")
    message_id = await post.send("jean@exemple.fr", "lea@exemple.fr")
    await post.deliver()
    assert await post.state(message_id) == ("en_file", 1)


async def test_R10_a_server_that_is_away_for_an_hour_loses_nothing(post: Post, smtp: SmtpServer) -> None:
    """Four attempts find nobody listening; the fifth delivers."""
    smtp.stop()
    message_id = await post.send()
    try:
        for after in (NOW, 30 * SECOND, 150 * SECOND, 750 * SECOND):
            await post.deliver(after)
        assert await post.state(message_id) == ("en_file", 4)
    finally:
        smtp.start()
    await post.deliver(750 * SECOND + HOUR)
    assert await post.state(message_id) == ("envoye", 5)
    assert len(smtp.mails) == 1


async def test_R10_an_answer_that_no_text_column_takes_is_kept_readable(post: Post, smtp: SmtpServer) -> None:
    """A reply with NUL, invalid UTF-8 and too much text does not stop the worker."""
    smtp.script(b"550 5.0.0 \xff\x00 non " + b"x" * 400)
    message_id = await post.send()
    await post.deliver()
    message = await post.message(message_id)
    assert (message.statut, (message.derniere_erreur or "")[:5]) == ("echec", "5.0.0")


async def test_R10_a_message_is_one_workers_at_a_time(post: Post, smtp: SmtpServer) -> None:
    """Four workers over twenty messages make twenty SMTP transactions."""
    ids = {await post.send() for _ in range(20)}
    await asyncio.gather(*(deliver(post.app) for _ in range(4)))
    assert {(await post.message(one)).statut for one in ids} == {"envoye"}
    assert (smtp.transactions, len({mail.message["Message-ID"] for mail in smtp.mails})) == (20, 20)


async def test_R10_ten_mails_are_under_way_at_once(post: Post, smtp: SmtpServer) -> None:
    """The eleventh waits until one of them is through."""
    for _ in range(PARALLEL + 3):
        await post.send()
    with smtp.silent():
        working = asyncio.create_task(post.deliver())
        await eventually(lambda: smtp.transactions == PARALLEL)
        assert await post.count(statut="en_cours") == PARALLEL
    await working
    assert await post.count(statut="envoye") == PARALLEL + 3


async def test_R10_the_message_of_a_dead_worker_is_due_after_its_lease(post: Post, smtp: SmtpServer) -> None:
    """Nobody touches the message before its lease ends; the journal shows the attempt that did not."""
    message_id = await post.send()
    await Queue(post.app.database).take(PARALLEL)
    await post.deliver(LEASE - SECOND)
    assert (await post.state(message_id), smtp.transactions) == (("en_cours", 1), 0)
    await post.deliver(LEASE + SECOND)
    assert await post.state(message_id) == ("envoye", 2)
    assert [attempt.fin is None for attempt in await post.journal(message_id)] == [True, False]


async def test_R10_a_message_that_ends_every_worker_is_given_up(post: Post, smtp: SmtpServer) -> None:
    """A message whose five leases ran out is echec without another attempt."""
    message_id = await post.send()
    for lease in range(5):
        with clock.frozen_at(clock.now() + lease * (LEASE + SECOND)):
            await Queue(post.app.database).take(PARALLEL)
    await post.deliver(HOUR)
    assert (await post.message(message_id)).statut == "echec"
    assert smtp.transactions == 0


async def test_R10_an_attempt_that_outlives_its_lease_changes_nothing(post: Post, smtp: SmtpServer) -> None:
    """The next worker's attempt counts, not the late outcome."""
    message_id = await post.send()
    with smtp.silent():
        slow = asyncio.create_task(post.deliver())
        await eventually(lambda: smtp.transactions == 1)
        late = Queue(post.app.database)
        with clock.frozen_at(clock.now() + LEASE + SECOND):
            (taken,) = await late.take(PARALLEL)
    await slow
    assert (await post.state(message_id), taken.message.tentatives) == (("en_cours", 2), 2)


async def test_R10_a_stop_lets_a_delivery_under_way_end(post: Post, smtp: SmtpServer) -> None:
    """A worker cancelled while the server thinks still notes the answer."""
    message_id = await post.send()
    with smtp.silent():
        working = asyncio.create_task(post.deliver())
        await eventually(lambda: smtp.transactions == 1)
        working.cancel()
    await asyncio.wait([working])
    assert (working.cancelled(), await post.state(message_id)) == (True, ("envoye", 1))


async def test_R10_a_stop_leaves_a_silent_server_after_its_grace(post: Post, smtp: SmtpServer) -> None:
    """A delivery that does not end within the grace is repeated when its lease is over."""
    message_id = await post.send()
    with smtp.silent():
        working = asyncio.create_task(post.deliver())
        await eventually(lambda: smtp.transactions == 1)
        working.cancel()
        await asyncio.wait([working])
        assert await post.state(message_id) == ("en_cours", 1)
    await post.deliver(LEASE)
    assert await post.state(message_id) == ("envoye", 2)


async def test_C16_logs_mask_addresses(
    post: Post, smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses are masked in log lines, those in a server's answer included."""
    caplog.set_level("INFO", "service_email")
    smtp.refuse("lea@exemple.fr", "550 5.1.1 <lea@exemple.fr> unknown")
    await post.send("jean@exemple.fr")
    await post.send("lea@exemple.fr")
    await post.deliver()
    lines = "".join(record.getMessage() for record in caplog.records if record.name.startswith("service_"))
    assert "j***@exemple.fr" in lines
    assert "l***@exemple.fr" in lines
    assert "jean@" not in lines
    assert "lea@" not in lines


async def test_R18_an_organisation_sends_a_hundred_mails_a_minute(
    post: Post, steps: Mesh, smtp: SmtpServer
) -> None:
    """Messages beyond the rate wait without an attempt, hold up nobody else, and leave a minute later."""
    for _ in range(115):
        await post.send()
    other = Post(steps, "org-email-other")
    await other.send("lea@exemple.fr")
    await other.deliver()
    sent = await post.count(statut="envoye")
    assert 100 <= sent < 100 + PARALLEL
    assert await post.count(statut="en_file", tentatives=0) == 115 - sent
    assert await other.count(statut="envoye") == 1
    await other.deliver(MINUTE + SECOND)
    assert await post.count(statut="envoye") == 115
