"""Failures in the middle of a delivery: the worker's process, the database, the commit."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from db_utils import clock, parse_uuid
from psycopg.conninfo import make_conninfo
from service_email.delivery import deliver
from service_email.models import Message, Tentative
from service_email.queue import LEASE
from service_testing import Mesh, eventually
from service_testing.smtp import SmtpServer
from sqlalchemy import bindparam, select
from tests.killing import worker_killed_at
from tests.secretariat import Bureau

_CODES = select(Tentative.code_smtp).where(Tentative.message_id == bindparam("of"))
_HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_FAIL_ONE_COMMIT = """
CREATE SEQUENCE email.commits;
CREATE FUNCTION email.fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('email.commits') = 1 THEN
        RAISE EXCEPTION 'the server is going away' USING ERRCODE = 'admin_shutdown';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fail_once AFTER UPDATE ON email.messages DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.statut = 'envoye') EXECUTE FUNCTION email.fail_once();
"""
_FAIL_NO_MORE = "DROP FUNCTION email.fail_once CASCADE; DROP SEQUENCE email.commits"


@pytest.fixture
async def sent(steps: Mesh, org: str) -> pb.Message:
    """A message that is due now."""
    emails = steps.stub(EmailServiceStub, organisation=org)
    return await emails.Send(
        pb.SendRequest(a=[pb.Destinataire(email="jean@exemple.fr")], sujet="Bonjour", corps_texte="Bonjour.")
    )


@pytest.fixture
def owner(steps: Mesh) -> Iterator[psycopg.Connection]:
    """A session of the owner of the database."""
    with psycopg.connect(steps.database("email").url, autocommit=True) as connection:
        yield connection


async def state(mesh: Mesh, sent: pb.Message) -> tuple[str, int]:
    """The statut of the message and its number of attempts."""
    message = await mesh.database("email").read().get(Message, sent.id)
    assert message is not None
    return message.statut, message.tentatives


KILLED = pytest.mark.parametrize(
    ("place", "received"), [("before_send", 1), ("before_note", 2)], ids=["before_send", "before_note"]
)


@KILLED
async def test_R10_a_killed_worker_loses_no_mail(
    steps: Mesh, smtp: SmtpServer, sent: pb.Message, place: str, received: int
) -> None:
    """Another worker sends the mail after the lease; a double carries the same Message-ID."""
    await worker_killed_at(place, steps, smtp)
    app: Any = steps["email"].app
    with clock.frozen_at(clock.now() + LEASE + timedelta(seconds=1)):
        await deliver(app)
    assert await state(steps, sent) == ("envoye", 2)
    assert [mail.message["Message-ID"] for mail in smtp.mails] == [sent.message_id] * received


@KILLED
async def test_R10_a_killed_worker_loses_no_mail_of_a_mailbox(
    bureau: Bureau, smtp: SmtpServer, poste: SmtpServer, place: str, received: int
) -> None:
    """The same at the server of a mailbox, while the platform's sees nothing."""
    boite = await bureau.boite(poste)
    mine = await bureau.send(boite_mail_id=boite.id)
    await worker_killed_at(place, bureau.mesh, smtp)
    await bureau.deliver(LEASE + timedelta(seconds=10))
    assert (await bureau.state(mine))[:2] == ("envoye", 2)
    assert [mail.message["Message-ID"] for mail in poste.mails] == [mine.message_id] * received
    assert smtp.greetings == 0


async def test_R10_the_outcome_is_noted_when_the_database_comes_back(
    steps: Mesh, smtp: SmtpServer, sent: pb.Message, owner: psycopg.Connection
) -> None:
    """Connections dropped during a delivery cause no second mail."""
    app: Any = steps["email"].app
    with smtp.silent():
        working = asyncio.create_task(deliver(app))
        await eventually(lambda: smtp.transactions == 1)
        owner.execute(_HANG_UP)
    await working
    assert (await state(steps, sent), smtp.transactions) == (("envoye", 1), 1)


async def test_R10_a_worker_without_a_database_ends_what_is_under_way(
    steps: Mesh,
    smtp: SmtpServer,
    sent: pb.Message,
    owner: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The worker takes nothing more, and notes the outcome when the database is back."""
    app: Any = steps["email"].app
    name = owner.info.dbname
    with smtp.silent(), psycopg.connect(make_conninfo(app.database.url, dbname="postgres")) as server:
        server.autocommit = True
        working = asyncio.create_task(deliver(app))
        await eventually(lambda: smtp.transactions == 1)
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            owner.execute(_HANG_UP)
            await eventually(lambda: "no mail is taken, 1 are under way" in caplog.text)
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await working
    assert (await state(steps, sent), smtp.transactions) == (("envoye", 1), 1)


async def test_R10_the_outcome_is_noted_when_its_commit_failed(
    steps: Mesh, smtp: SmtpServer, sent: pb.Message, owner: psycopg.Connection
) -> None:
    """The database gives up at the COMMIT itself; the second try writes all of it."""
    app: Any = steps["email"].app
    owner.execute(_FAIL_ONE_COMMIT)
    try:
        await deliver(app)
    finally:
        owner.execute(_FAIL_NO_MORE)
    assert (await state(steps, sent), smtp.transactions) == (("envoye", 1), 1)
    assert await app.database.read().all(_CODES, of=parse_uuid(sent.id)) == [250]
