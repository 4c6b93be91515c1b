"""Effects of contract.signed, from the event to the mail (R24)."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from nats_utils.tables import DeadLetter
from service_email.models import Message, Modele
from service_testing import Mesh, eventually
from sqlalchemy import func, select
from tests.courrier import client, mails_in, only_message, publish_and_wait_until_it_is_held, sent

SIGNED = datetime(2026, 1, 12, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)
TEXT = """Bonjour Jean Dupont,

Votre contrat a été signé le 12/01/2026. Nous vous remercions de votre confiance.

Référence du contrat\u00a0: contrat-7
Montant total\u00a0: 1\u202f598,80\u00a0€

Cordialement,
Votre conseiller"""
_MESSAGES = select(func.count()).select_from(Message)
_LETTERS = select(DeadLetter.error)


def signed(org: str, client_id: str, **fields: Any) -> ContractSignedEvent:
    """An announcement of a signed contract; *fields* replace the usual ones."""
    usual: dict[str, Any] = {
        "contrat_id": "contrat-7",
        "produit_id": "prod-456",
        "montant_total": 1598.8,
        "date_signature": timestamp(SIGNED),
    }
    return ContractSignedEvent(
        event_id=str(uuid7()), organisation_id=org, client_id=client_id, **(usual | fields)
    )


async def test_R24_a_signed_contract_makes_one_mail_in_the_folder(
    town: Mesh, in_town: EmailServiceStub, org: str, folder: Path
) -> None:
    """To the address that the clients service knows; five deliveries change nothing."""
    client_id, before = await client(town, org), mails_in(folder)
    await town.deliver(signed(org, client_id), times=5)
    message = await only_message(in_town, "envoye")
    assert (message.sujet, message.modele_code, message.origine, message.cle_idempotence) == (
        "Votre contrat est signé",
        "CONTRAT_SIGNE",
        "contract.signed",
        "contract.signed:contrat-7",
    )
    assert message.corps_texte == TEXT
    assert "Montant total&nbsp;: 1\u202f598,80\u00a0€</p>" in message.corps_html
    assert mails_in(folder) - before == {f"{message.id}.eml"}
    content = (folder / f"{message.id}.eml").read_text()
    assert "To: Jean Dupont <jean@exemple.fr>" in content
    assert "Auto-Submitted: auto-generated" in content


async def test_R24_the_mail_names_the_contract_by_its_reference(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """As contrats gives it to people, not by an id of ours."""
    await eventually(lambda: town["email"].app.peers.serving("contrats"))
    contrats = town.stub(ContratServiceStub, organisation=org)
    contrat = await contrats.Create(
        contrats_pb2.CreateContratRequest(client_id=await client(town, org), montant=49.9)
    )
    text = (await only_message(in_town, "envoye")).corps_texte
    assert f"Référence du contrat\u00a0: {contrat.reference}\n" in text
    assert contrat.id not in text


@pytest.mark.parametrize("away", [True, False], ids=["away", "unknown"])
async def test_R24_a_contract_whose_reference_is_not_told_is_not_named(
    town: Mesh, in_town: EmailServiceStub, org: str, away: bool
) -> None:
    """Whether contrats is away or does not know it: the mail leaves the line out and does not wait."""
    event = signed(org, await client(town, org), contrat_id=str(uuid7()))
    async with AsyncExitStack() as stack:
        if away:
            await stack.enter_async_context(town.without("contrats"))
        await town.deliver(event)
    assert (
        TEXT.replace("Référence du contrat\u00a0: contrat-7\n", "")
        == (await only_message(in_town, "envoye")).corps_texte
    )


async def test_R24_a_price_that_is_not_known_is_to_be_confirmed(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """Nobody reads that his contract costs nothing."""
    await town.deliver(signed(org, await client(town, org), montant_total=0))
    message = await only_message(in_town, "envoye")
    assert ("Montant total\u00a0: à confirmer" in message.corps_texte, "0,00" in message.corps_texte) == (
        True,
        False,
    )


async def test_R24_two_events_of_one_contract_are_one_mail(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """That of the first, even when they say different things; another contract has a mail of its own."""
    client_id = await client(town, org)
    await town.deliver(signed(org, client_id))
    await town.deliver(signed(org, client_id, montant_total=2.0))
    assert (await only_message(in_town, "envoye")).corps_texte == TEXT
    await town.deliver(signed(org, client_id, contrat_id="contrat-8"))
    assert len((await in_town.List(pb.ListMessagesRequest())).messages) == 2


async def test_R24_a_client_without_an_address_gets_no_mail(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """The message is noted with the reason, and no attempt is made."""
    await town.deliver(signed(org, await client(town, org, email="")))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.tentatives, message.HasField("prochain_essai")) == ([], 0, False)
    assert message.derniere_erreur == "Le client n'a pas d'adresse e-mail."
    assert message.corps_texte == TEXT


@pytest.mark.parametrize("client_id", ["client-123", "01a1fb7d-0b21-7000-91e3-60dc3aa0d982"])
async def test_R24_a_client_whom_nobody_knows_gets_no_mail(
    town: Mesh, in_town: EmailServiceStub, org: str, client_id: str
) -> None:
    """Neither one of an outside system nor one that the clients service does not have."""
    await town.deliver(signed(org, client_id))
    message = await only_message(in_town, "ignore")
    assert (list(message.a), message.derniere_erreur) == ([], "Le client n'est pas connu.")
    assert (message.corps_texte or "").startswith("Bonjour,\n")


async def test_R24_the_client_of_another_organisation_is_not_known(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """An event that names the wrong organisation writes to nobody."""
    await town.deliver(signed(org, await client(town, f"{org}-autre")))
    assert (await only_message(in_town, "ignore")).derniere_erreur == "Le client n'est pas connu."


async def test_R24_an_event_without_organisation_is_completed_by_clients(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """An event of an outside publisher may name the client alone."""
    await town.deliver(signed("", await client(town, org)))
    assert [one.email for one in (await only_message(in_town, "envoye")).a] == ["jean@exemple.fr"]


async def test_R24_an_event_of_nobody_is_acknowledged_without_effect(town: Mesh) -> None:
    """Without organisation, about an unknown client: not even a dead letter."""
    reader = town.database("email").read()
    before = await reader.one(_MESSAGES), await reader.all(_LETTERS)
    await town.deliver(signed("", "client-123"))
    assert (await reader.one(_MESSAGES), await reader.all(_LETTERS)) == before


async def test_R24_while_clients_is_away_the_event_waits(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """It is neither acknowledged nor given up; it takes effect once clients answers."""
    event = signed(org, await client(town, org))
    async with town.without("clients"):
        await publish_and_wait_until_it_is_held(town, event, "contract-signed")
    await town.deliver(event)
    await eventually(lambda: sent(in_town))
    assert await sent(in_town) == ["jean@exemple.fr"]


async def test_R24_a_contract_of_an_outside_client_needs_no_answer(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """Nobody is asked for a client with an id of an outside system."""
    async with town.without("clients"):
        await town.deliver(signed(org, "client-123"))
        assert (await only_message(in_town, "ignore")).derniere_erreur == "Le client n'est pas connu."


async def test_R08_the_organisations_contract_template_hides_the_systems(
    town: Mesh, in_town: EmailServiceStub, org: str
) -> None:
    """It gets the same variables."""
    own = Modele(
        organisation_id=org,
        code="CONTRAT_SIGNE",
        langue="fr",
        sujet="Merci {{ prenom }}",
        corps_html="<p>{{ contrat_id }}, {{ montant_total }}, {{ date_signature }}</p>",
        variables=[],
    )
    async with town.database("email").transaction() as tx:
        await tx.insert(own)
    await town.deliver(signed(org, await client(town, org)))
    message = await only_message(in_town, "envoye")
    assert (message.sujet, message.corps_html) == (
        "Merci Jean",
        "<p>contrat-7, 1\u202f598,80\u00a0€, 12/01/2026</p>",
    )


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"contrat_id": ""}, "InvalidEvent: contrat_id is empty"),
        ({"contrat_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"date_signature": None}, "InvalidEvent: date_signature are not set"),
        ({"montant_total": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant_total": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
    ],
)
async def test_R24_an_event_that_can_make_no_mail_is_a_dead_letter(
    town: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """An event that no attempt could turn into a mail is not tried again."""
    await town.deliver(signed(org, **({"client_id": "client-123"} | fields)))
    reader = town.database("email").read()
    assert await reader.all(_LETTERS.where(DeadLetter.payload.contains(org.encode()))) == [error]


async def test_R24_an_organisation_that_is_none_is_a_dead_letter(town: Mesh, org: str) -> None:
    """Nobody is asked in its name."""
    await town.deliver(signed(f"-{org}", "client-123"))
    reader = town.database("email").read()
    letters = await reader.all(_LETTERS.where(DeadLetter.payload.contains(f"-{org}".encode())))
    assert letters == ["InvalidEvent: organisation_id is no id"]
