"""Notices of new presentations: one mail for each, or the reason why there is none (R12)."""

from datetime import timedelta
from itertools import count

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.email import email_pb2
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryPolicyServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from google.protobuf.json_format import MessageToDict
from service_kit.outgoing import CommandeSortante
from service_kit.outgoing.sender import Sender
from service_retry.avis import AVIS, tell_clients
from service_retry.models import RetryAvis
from service_testing import eventually
from sqlalchemy import select
from tests.bureau import Bureau, actions_of, at


async def _client(bureau: Bureau, **fields: str) -> str:
    request = clients_pb2.CreateClientBaseRequest(
        **({"nom": "Dupont", "prenom": "Élodie", "email": "elodie@exemple.fr"} | fields)
    )
    return str((await bureau.stub(ClientBaseServiceStub).Create(request)).id)


async def _presented(bureau: Bureau, client_id: str) -> payments_pb2.Payment:
    payment = bureau.payment(client_id=client_id)
    await bureau.reject(payment, "2026-03-09")
    await bureau.submitted(payment, "2026-03-12")
    return payment


async def _waiting(bureau: Bureau) -> list[RetryAvis]:
    rows = await bureau.mesh.database("retry").read().all(select(RetryAvis))
    return [row for row in rows if row.organisation_id == bureau.org]


async def _told(bureau: Bureau, day: str = "2026-03-12") -> None:
    """Run the job until nothing waits; clients may be too slow once, and the clock goes on."""
    hours = count()

    async def nothing_waits() -> bool:
        with frozen_at(at(day, 10) + timedelta(hours=next(hours))):
            await tell_clients(bureau.app)
        return not await _waiting(bureau)

    await eventually(nothing_waits, timeout=60)


async def _owed(bureau: Bureau) -> list[CommandeSortante]:
    commands = select(CommandeSortante).where(CommandeSortante.type == "avis")
    rows = await bureau.mesh.database("retry").read().all(commands)
    return [row for row in rows if row.organisation_id == bureau.org]


async def test_R12_a_client_is_told_of_the_new_presentation(bureau: Bureau) -> None:
    """One mail, however often the job runs; email takes it as it is."""
    payment = await _presented(bureau, await _client(bureau))
    for _ in range(2):
        await _told(bureau)
    schedule = await bureau.schedule(payment)
    (command,) = await _owed(bureau)
    key = f"retry:{schedule.id}:1:avis"
    assert command.cle == key
    assert command.charge == {
        "organisation_id": bureau.org,
        "a": [{"email": "elodie@exemple.fr", "nom": "Élodie Dupont"}],
        "modele_code": "REPRESENTATION_PRELEVEMENT",
        "variables": {
            "prenom": "Élodie",
            "nom": "Dupont",
            "montant": "49,90\u00a0€",
            "date_initiale": "05/03/2026",
            "motif": "provision insuffisante",
            "date_nouvelle": "16/03/2026",
        },
        "cle_idempotence": key,
    }
    assert actions_of(schedule)[-1] == "NOTICE_QUEUED"


async def test_R12_the_mail_says_what_is_going_to_happen(bureau: Bureau) -> None:
    """In the words of the template, once."""
    await _presented(bureau, await _client(bureau))
    await _told(bureau)

    hours = count()

    async def sent() -> list[email_pb2.Message]:
        with frozen_at(at("2026-03-13") + timedelta(hours=next(hours))):
            await Sender(AVIS).send_due(bureau.app)
        listed = await bureau.stub(EmailServiceStub).List(email_pb2.ListMessagesRequest())
        return [one for one in listed.messages if one.modele_code == "REPRESENTATION_PRELEVEMENT"]

    (mail,) = await eventually(sent, timeout=60)
    read = await bureau.stub(EmailServiceStub).Get(email_pb2.GetMessageRequest(id=mail.id))
    for words in ("49,90", "05/03/2026", "provision insuffisante", "16/03/2026"):
        assert words in read.corps_texte, MessageToDict(read)


@pytest.mark.parametrize("motif", ["CLIENT_EXTERNE", "CLIENT_INCONNU", "CLIENT_SANS_EMAIL"])
async def test_R12_who_cannot_be_written_to_gets_no_notice(bureau: Bureau, motif: str) -> None:
    """The journal says why; the debit goes on."""
    client_id = {"CLIENT_EXTERNE": "client-123", "CLIENT_INCONNU": str(uuid7())}.get(motif)
    client_id = client_id or await _client(bureau, email="", telephone="0612345678")
    payment = await _presented(bureau, client_id)
    await _told(bureau)
    assert await _owed(bureau) == []
    line = (await bureau.schedule(payment)).journal[-1]
    assert (line.action, MessageToDict(line.apres)) == ("NOTICE_SKIPPED", {"motif": motif})


async def test_R12_a_policy_may_leave_the_client_alone(bureau: Bureau) -> None:
    """Nothing waits then."""
    request = pb.CreateRetryPolicyRequest(nom="Muette", is_default=True, notifier_client=False)
    await bureau.stub(RetryPolicyServiceStub).Create(request)
    await _presented(bureau, await _client(bureau))
    assert await _waiting(bureau) == []


async def test_R12_a_notice_waits_for_clients_and_blocks_nothing(bureau: Bureau) -> None:
    """The debit is submitted; the notice follows when clients is back."""
    payment = bureau.payment(client_id=await _client(bureau))
    await bureau.reject(payment, "2026-03-09")
    async with bureau.mesh.without("clients"):
        await bureau.submitted(payment, "2026-03-12")
        with frozen_at(at("2026-03-12", 10)):
            await tell_clients(bureau.app)
        assert len(await _waiting(bureau)) == 1
    async with bureau.mesh.without("retry"):  # with its circuits closed
        pass
    await _told(bureau, "2026-03-13")
    assert len(await _owed(bureau)) == 1
    assert (await bureau.schedule(payment)).attempts[0].statut == "SUBMITTED"
