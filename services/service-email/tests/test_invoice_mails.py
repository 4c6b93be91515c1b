"""Mails about new invoices (R25), from the bus to the folder of mails."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import InvoiceCreatedEvent
from db_utils import uuid7
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils.tables import DeadLetter
from service_email.models import Message, Modele
from service_testing import Mesh, eventually
from sqlalchemy import func, select
from tests.courrier import client, mails_in, only_message, publish_and_wait_until_it_is_held, sent

DUE = datetime(2026, 3, 31, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)
TEXT = """Bonjour Jean Dupont,

Votre facture FAC2026000001 d'un montant de 1\u202f000,00\u00a0€ est disponible. \
Elle est à régler au plus tard le 31/03/2026.

Vous la trouverez à cette adresse\u00a0:
https://crm.exemple.fr/factures/facture-7

Cordialement,
Votre conseiller"""
_MESSAGES = select(func.count()).select_from(Message)
_LETTERS = select(DeadLetter.error)


def issued(org: str, client_id: str, **fields: Any) -> InvoiceCreatedEvent:
    """An announcement of an invoice; *fields* replace the usual ones."""
    usual: dict[str, Any] = {
        "invoice_id": "facture-7",
        "montant": 1000,
        "date_echeance": timestamp(DUE),
        "numero": "FAC2026000001",
    }
    return InvoiceCreatedEvent(
        event_id=str(uuid7()), organisation_id=org, client_id=client_id, **(usual | fields)
    )


async def test_R25_a_new_invoice_makes_one_mail_in_the_folder(
    town: Mesh, in_town: EmailServiceStub, org: str, folder: Path
) -> None:
    """To the address that the clients service knows; five deliveries change nothing."""
    client_id, before = await client(town, org), mails_in(folder)
    await town.deliver(issued(org, client_id), times=5)
    message = await only_message(in_town, "envoye")
    assert (message.sujet, message.modele_code, message.origine, message.cle_idempotence) == (
        "Votre facture FAC2026000001",
        "FACTURE_EMISE",
        "invoice.created",
        "invoice.created:facture-7",
    )
    assert message.corps_texte == TEXT
    assert '<a href="https://crm.exemple.fr/factures/facture-7">Voir la facture</a>' in message.corps_html
    assert mails_in(folder) - before == {f"{message.id}.eml"}
    content = (folder / f"{message.id}.eml").read_text()
    assert "To: Jean Dupont <jean@exemple.fr>" in content
    assert "Auto-Submitted: auto-generated" in content


async def test_R25_two_events_of_one_invoice_are_one_mail(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """That of the first, even when they say different things; another invoice has a mail of its own."""
    client_id = await client(town, org)
    await town.deliver(issued(org, client_id))
    await town.deliver(issued(org, client_id, montant=2.0))
    assert (await only_message(in_town, "envoye")).corps_texte == TEXT
    await town.deliver(issued(org, client_id, invoice_id="facture-8"))
    assert len((await in_town.List(pb.ListMessagesRequest())).messages) == 2


@pytest.mark.parametrize(
    ("fields", "sujet", "sentence"),
    [
        ({"numero": ""}, "Votre facture facture-7", "Votre facture facture-7 d'un montant"),
        ({"numero": " FAC\r\n 1 "}, "Votre facture FAC 1", "Votre facture FAC 1 d'un montant"),
        ({"date_echeance": None}, "Votre facture FAC2026000001", "\u00a0€ est disponible.\n"),
        ({"invoice_id": "a|b"}, "Votre facture FAC2026000001", "\nhttps://crm.exemple.fr/factures/a%7Cb\n"),
    ],
)
async def test_R25_the_mail_tells_what_is_known_of_the_invoice(
    town: Mesh, in_town: EmailServiceStub, org: str, fields: dict[str, Any], sujet: str, sentence: str
) -> None:
    """Its number in one line, or its id; its due date if there is one; a link that is a link."""
    await town.deliver(issued(org, "client-123", **fields))
    message = await only_message(in_town, "ignore")
    assert (message.sujet, sentence in message.corps_texte) == (sujet, True)


async def test_R25_a_client_without_an_address_gets_no_mail(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """The message is noted with the reason, and no attempt is made."""
    await town.deliver(issued(org, await client(town, org, email="")))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.tentatives, message.HasField("prochain_essai")) == ([], 0, False)
    assert message.derniere_erreur == "Le client n'a pas d'adresse e-mail."


@pytest.mark.parametrize("client_id", ["client-123", "01a1fb7d-0b21-7000-91e3-60dc3aa0d982"])
async def test_R25_a_client_whom_nobody_knows_gets_no_mail(
    town: Mesh, in_town: EmailServiceStub, org: str, client_id: str
) -> None:
    """Neither one of an outside system nor one that the clients service does not have."""
    await town.deliver(issued(org, client_id))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.derniere_erreur) == ([], "Le client n'est pas connu.")


async def test_R25_the_client_of_another_organisation_is_not_known(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """An event that names the wrong organisation writes to nobody."""
    await town.deliver(issued(org, await client(town, f"{org}-autre")))
    assert (await only_message(in_town, "ignore")).derniere_erreur == "Le client n'est pas connu."


async def test_R25_while_clients_is_away_the_event_waits(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """An event without organisation takes that of its client once clients answers."""
    event = issued("", await client(town, org))
    async with town.without("clients"):
        await publish_and_wait_until_it_is_held(town, event, "invoice-created")
    await town.deliver(event)
    await eventually(lambda: sent(in_town))
    assert await sent(in_town) == ["jean@exemple.fr"]


async def test_R25_an_event_of_nobody_is_acknowledged_without_effect(town: Mesh) -> None:
    """Without organisation, about an unknown client: not even a dead letter."""
    reader = town.database("email").read()
    before = await reader.one(_MESSAGES), await reader.all(_LETTERS)
    await town.deliver(issued("", "client-123"))
    assert (await reader.one(_MESSAGES), await reader.all(_LETTERS)) == before


async def test_R08_the_organisations_invoice_template_hides_the_systems(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """It gets the same variables."""
    own = Modele(
        organisation_id=org,
        code="FACTURE_EMISE",
        langue="fr",
        sujet="Merci {{ prenom }}",
        corps_html="<p>{{ numero }}, {{ montant }}, {{ date_echeance }}, {{ lien }}</p>",
        variables=[],
    )
    async with town.database("email").transaction() as tx:
        await tx.insert(own)
    await town.deliver(issued(org, await client(town, org)))
    message = await only_message(in_town, "envoye")
    assert (message.sujet, message.corps_html) == (
        "Merci Jean",
        "<p>FAC2026000001, 1\u202f000,00\u00a0€, 31/03/2026, https://crm.exemple.fr/factures/facture-7</p>",
    )


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"invoice_id": ""}, "InvalidEvent: invoice_id is empty"),
        ({"invoice_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"date_echeance": Timestamp(seconds=10**12)}, "InvalidEvent: date_echeance is no instant"),
        ({"numero": "9" * 300}, "TextTooLong: sujet"),
    ],
)
async def test_R25_an_event_that_can_make_no_mail_is_a_dead_letter(
    town: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """An event that no attempt could turn into a mail is not tried again."""
    await town.deliver(issued(org, **({"client_id": "client-123"} | fields)))
    reader = town.database("email").read()
    assert await reader.all(_LETTERS.where(DeadLetter.payload.contains(org.encode()))) == [error]
