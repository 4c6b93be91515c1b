"""The email service, run once for all tests of this folder: with its worker, and step by step."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from crm.email.email_pb2_grpc import EmailServiceStub
from service_clients.service import SERVICE as CLIENTS
from service_email.delivery import DELIVERY
from service_email.models import Message
from service_email.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.fixtures import of_member
from service_testing.smtp import SmtpServer, smtp_server
from sqlalchemy import update
from tests.courrier import APPLICATION, smtp_settings
from tests.secretariat import LOGIN, Bureau

emails = of_member(EmailServiceStub)

_NOTHING_DUE = update(Message).values(prochain_essai=None)


@pytest.fixture(scope="package")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh of the email service alone, whose worker sends by SMTP and looks only when woken."""
    woken = replace(SERVICE, workers=(replace(DELIVERY, every=timedelta(hours=1)),))
    with smtp_server() as server:
        async with running(woken, **smtp_settings(server)) as mesh:
            yield mesh


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where `town` writes its mails."""
    return tmp_path_factory.mktemp("mail")


@pytest.fixture(scope="package")
async def town(folder: Path) -> AsyncIterator[Mesh]:
    """A mesh of clients, contrats and email, without an SMTP server."""
    async with running(
        CLIENTS, service_named("contrats"), SERVICE, mail_folder=folder, app_base_url=APPLICATION
    ) as mesh:
        yield mesh


@pytest.fixture
def in_town(town: Mesh, org: str) -> EmailServiceStub:
    """A stub that reads the messages of the organisation in `town`."""
    return town.stub(EmailServiceStub, organisation=org)


@pytest.fixture(scope="package")
def _smtp_of_steps() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture(scope="package")
async def _steps(_smtp_of_steps: SmtpServer) -> AsyncIterator[Mesh]:
    settings = {**smtp_settings(_smtp_of_steps), "smtp_allow_private": True}
    async with running(replace(SERVICE, workers=()), **settings) as mesh:
        yield mesh


@pytest.fixture(scope="package")
def _smtp_of_mailboxes() -> Iterator[SmtpServer]:
    with smtp_server(login=LOGIN) as server:
        yield server


@pytest.fixture
def bureau(steps: Mesh, org: str) -> Bureau:
    """An organisation with mailboxes in `steps`."""
    return Bureau(steps, org)


@pytest.fixture
def poste(_smtp_of_mailboxes: SmtpServer) -> SmtpServer:
    """The server of mailboxes, which asks for LOGIN and has seen nothing yet."""
    _smtp_of_mailboxes.forget()
    return _smtp_of_mailboxes


@pytest.fixture
def smtp(_smtp_of_steps: SmtpServer) -> SmtpServer:
    """The SMTP server of `steps`, which has seen nothing yet."""
    _smtp_of_steps.forget()
    return _smtp_of_steps


@pytest.fixture
async def steps(_steps: Mesh, smtp: SmtpServer) -> AsyncIterator[Mesh]:
    """A mesh that sends nothing by itself; no message is due at first."""
    yield _steps
    async with _steps.database("email").transaction() as tx:
        await tx.execute(_NOTHING_DUE)
