"""Mails about rejected payments (R27), from the bus to the folder of mails."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import PaymentRejectedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_email import rejets
from service_testing import Mesh, eventually
from sqlalchemy import delete
from tests.courrier import client, mails_in, only_message, publish_and_wait_until_it_is_held, sent

REJECTED = datetime(2026, 3, 9, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)
FUNDS = (
    "Motif indiqué par votre banque\u00a0: provision insuffisante. Merci de veiller à ce que votre compte"
    " soit suffisamment approvisionné. Le prélèvement pourra être présenté à nouveau\u00a0; dans ce cas, nous"
    " vous en informerons à l'avance."
)
TEXT = f"""Bonjour Jean Dupont,

Votre prélèvement de 49,90\u00a0€ a été rejeté. {FUNDS}

Cordialement,
Votre conseiller"""
DETAILS = "https://crm.exemple.fr/coordonnees-bancaires"
UNTOLD = "Ce motif de rejet n'est pas annoncé au client."


def rejected(org: str, client_id: str, **fields: Any) -> PaymentRejectedEvent:
    """An announcement of a rejected payment; *fields* replace the usual ones."""
    usual: dict[str, Any] = {
        "event_id": str(uuid7()),
        "payment_id": "paiement-7",
        "schedule_id": "plan-7",
        "motif_rejet": "AM04",
        "date_rejet": timestamp(REJECTED),
        "montant": 49.9,
    }
    return PaymentRejectedEvent(organisation_id=org, client_id=client_id, **(usual | fields))


@pytest.mark.parametrize(
    ("code", "begins", "bank_details"),
    [
        ("AM04", "Motif indiqué par votre banque\u00a0: provision insuffisante. Merci de veiller", False),
        (" am04 ", "Motif indiqué par votre banque\u00a0: provision insuffisante. Merci de veiller", False),
        ("MS03", "Votre banque n'en a pas indiqué le motif. Merci de veiller", False),
        *((code, "Votre banque n'accepte pas de prélèvement", True) for code in ("AC01", "AC04", "AC06")),
        *((code, "Votre banque n'accepte pas de prélèvement", True) for code in ("AC13", "AG01", "RC01")),
        ("DNOR", "Votre banque n'accepte pas de prélèvement", True),
        *((code, "Votre banque ne reconnaît pas votre mandat", True) for code in ("MD01", "MD02")),
        *((code, "Il a été refusé, ou son remboursement", False) for code in ("MS02", "MD06", "SL01")),
        *((code, "", False) for code in ("MD07", "RR04", "CNOR", "BE05", "AG02", "AM05", "TM01")),
        *((code, "Merci de prendre contact avec nous", False) for code in ("INCONNU", "914", "")),
    ],
)
def test_R27_the_reason_decides_what_the_client_reads(code: str, begins: str, bank_details: bool) -> None:
    """A sentence by the class of the code, and the way to the page of bank details where it asks for them."""
    told = rejets.explanation(code)
    assert (told.startswith(begins), bool(told)) == (True, bool(begins))
    asked = "coordonnées bancaires" in told or "nouveau mandat" in told
    assert (asked, rejets.link(code, "https://crm.exemple.fr/")) == (
        bank_details,
        DETAILS if bank_details else "",
    )


def test_R27_without_an_application_there_is_no_link() -> None:
    """One that leads nowhere helps nobody (R22)."""
    assert rejets.link("AC04", "") == ""


async def test_R27_a_rejected_payment_makes_one_mail_in_the_folder(
    town: Mesh, in_town: EmailServiceStub, org: str, folder: Path
) -> None:
    """To the address that the clients service knows; five deliveries change nothing."""
    client_id, before = await client(town, org), mails_in(folder)
    await town.deliver(rejected(org, client_id), times=5)
    message = await only_message(in_town, "envoye")
    assert (message.sujet, message.modele_code, message.origine, message.cle_idempotence) == (
        "Votre prélèvement a été rejeté",
        "PAIEMENT_REJETE",
        "payment.rejected",
        "payment.rejected:paiement-7",
    )
    assert message.corps_texte == TEXT
    assert f"<p>Votre prélèvement de 49,90\u00a0€ a été rejeté. {FUNDS[:20]}" in message.corps_html
    assert "coordonnees-bancaires" not in message.corps_html
    assert mails_in(folder) - before == {f"{message.id}.eml"}
    content = (folder / f"{message.id}.eml").read_text()
    assert "To: Jean Dupont <jean@exemple.fr>" in content
    assert "Auto-Submitted: auto-generated" in content


async def test_R27_a_closed_account_asks_for_new_bank_details(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """With the way to give them; an amount that nobody told is left out."""
    await town.deliver(rejected(org, await client(town, org), motif_rejet="AC04", montant=0))
    message = await only_message(in_town, "envoye")
    assert "\nVotre prélèvement a été rejeté. Votre banque n'accepte pas" in message.corps_texte
    assert f"\nVous pouvez le faire à cette adresse\u00a0:\n{DETAILS}\n" in message.corps_texte
    assert f'<a href="{DETAILS}">' in message.corps_html


@pytest.mark.parametrize("code", ["MD07", "CNOR"])
async def test_R27_a_reason_that_the_client_cannot_cure_is_not_told_to_him(
    town: Mesh, in_town: EmailServiceStub, org: str, code: str
) -> None:
    """Neither to the address of somebody who has died, nor about a mistake of ours."""
    await town.deliver(rejected(org, await client(town, org), motif_rejet=code))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.tentatives, message.derniere_erreur) == ([], 0, UNTOLD)


async def test_R27_two_events_of_one_payment_are_one_mail(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """That of the first; the rejected new presentation, another payment, has a mail of its own."""
    client_id = await client(town, org)
    await town.deliver(rejected(org, client_id))
    await town.deliver(rejected(org, client_id, motif_rejet="AC04"))
    assert (await only_message(in_town, "envoye")).corps_texte == TEXT
    await town.deliver(rejected(org, client_id, payment_id="paiement-8"))
    assert len((await in_town.List(pb.ListMessagesRequest())).messages) == 2


async def test_R27_an_event_whose_claim_was_forgotten_writes_once(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """A delivery without a trace of the first one finds the key of the payment taken."""
    event = rejected(org, await client(town, org))
    await town.deliver(event)
    async with town.database("email").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await town.deliver(event)
    assert (forgotten, (await only_message(in_town, "envoye")).corps_texte) == (1, TEXT)


@pytest.mark.parametrize(
    ("client_id", "reason"),
    [
        ("client-123", "Le client n'est pas connu."),
        ("01a1fb7d-0b21-7000-91e3-60dc3aa0d982", "Le client n'est pas connu."),
        ("", "Le client n'a pas d'adresse e-mail."),
    ],
)
async def test_R27_who_cannot_be_reached_gets_no_mail(
    town: Mesh, in_town: EmailServiceStub, org: str, client_id: str, reason: str
) -> None:
    """A client of an outside system, one whom clients does not have, one without an address."""
    await town.deliver(rejected(org, client_id or await client(town, org, email="")))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.derniere_erreur) == ([], reason)


async def test_R27_an_event_of_an_outside_publisher_is_completed_by_clients(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """It may name the client alone: no organisation, amount, plan or invoice."""
    await town.deliver(rejected("", await client(town, org), schedule_id="", montant=0, date_rejet=None))
    assert [one.email for one in (await only_message(in_town, "envoye")).a] == ["jean@exemple.fr"]


async def test_R27_while_clients_is_away_the_event_waits(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """It is neither acknowledged nor given up; it takes effect once clients answers."""
    event = rejected(org, await client(town, org))
    async with town.without("clients"):
        await publish_and_wait_until_it_is_held(town, event, "payment-rejected")
    await town.deliver(event)
    await eventually(lambda: sent(in_town))
    assert await sent(in_town) == ["jean@exemple.fr"]


async def test_R27_poison_among_others_harms_none_of_them(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """An event that says nothing is a dead letter, those around it are mails."""
    client_id = await client(town, org)
    good = [rejected(org, client_id, payment_id=f"paiement-{number}") for number in range(4)]
    bad = rejected(org, client_id, payment_id="")
    await asyncio.gather(*(town.deliver(event) for event in (*good[:2], bad, *good[2:])))
    await eventually(lambda: _all_sent(in_town, len(good)))
    assert await town.dead_letters("email", bad) == [("InvalidEvent: payment_id is empty", 1)]


async def _all_sent(emails: EmailServiceStub, number: int) -> bool:
    return len(await sent(emails)) == number


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"payment_id": ""}, "InvalidEvent: payment_id is empty"),
        ({"payment_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
    ],
)
async def test_R27_an_event_that_can_make_no_mail_is_a_dead_letter(
    town: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """An event that no attempt could turn into a mail is not tried again."""
    event = rejected(**({"org": org, "client_id": "client-123"} | fields))
    await town.deliver(event)
    assert await town.dead_letters("email", event) == [(error, 1)]
