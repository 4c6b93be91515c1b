"""EmailService, called as its users call it while its worker delivers."""

import asyncio

import grpc
import pytest
from crm.common.common_pb2 import Pagination
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from service_email.models import Message
from service_testing import Mesh, eventually, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "INTROUVABLE")
REUSED = (grpc.StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
JEAN = pb.Destinataire(email="jean@exemple.fr", nom="Jean")


def request(**fields: object) -> pb.SendRequest:
    """A small mail to Jean; *fields* replace the usual ones."""
    return pb.SendRequest(**{"a": [JEAN], "sujet": "Bonjour", "corps_texte": "Bonjour.", **fields})  # type: ignore[arg-type]  # fields of the request


async def test_R01_send_answers_what_it_stored(emails: EmailServiceStub, org: str) -> None:
    """The answer is the stored message, en_file before any SMTP conversation."""
    message = await emails.Send(request(corps_html="<p>Bonjour.</p>", entetes={"X-Dossier": "7"}))
    assert (message.organisation_id, message.statut, message.tentatives) == (org, "en_file", 0)
    assert (message.de, list(message.a), message.origine) == ("CRM <crm@exemple.fr>", [JEAN], "rpc")
    assert message.HasField("prochain_essai")
    assert not message.HasField("envoye_le")


async def test_R10_the_worker_sends_what_was_stored(emails: EmailServiceStub) -> None:
    """The commit wakes the worker; nobody asks it."""
    sent = await emails.Send(request())

    async def delivered() -> bool:
        return (await emails.Get(pb.GetMessageRequest(id=sent.id))).statut == "envoye"

    await eventually(delivered)


async def test_R03_an_injected_header_is_refused(emails: EmailServiceStub) -> None:
    """The refusal is ENTETE_INTERDIT, and nothing is stored."""
    injected = request(a=[pb.Destinataire(email="x@y.fr\r\nBcc: z@y.fr")])
    assert await refused(emails.Send(injected)) == (INVALID, "ENTETE_INTERDIT")
    assert not (await emails.List(pb.ListMessagesRequest())).messages


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sujet": ""}, "CHAMP_REQUIS"),
        ({"sujet": "x" * 256}, "TROP_LONG"),
        ({"a": []}, "CHAMP_REQUIS"),
        ({"a": [pb.Destinataire(email="jean")]}, "FORMAT_INVALIDE"),
        (
            {"a": [pb.Destinataire(email=f"p{n}@exemple.fr") for n in range(51)]},
            "DESTINATAIRES_TROP_NOMBREUX",
        ),
        ({"corps_texte": ""}, "CHAMP_REQUIS"),
        ({"societe_id": "soc 1"}, "FORMAT_INVALIDE"),
        ({"corps_texte": "a\x00b"}, "FORMAT_INVALIDE"),
        ({"entetes": {"Bcc": "z@y.fr"}}, "ENTETE_INTERDIT"),
        ({"cle_idempotence": "x" * 256}, "TROP_LONG"),
    ],
)
async def test_R02_R03_R04_bad_input_is_refused_with_its_reason(
    emails: EmailServiceStub, fields: dict[str, object], reason: str
) -> None:
    """Each refusal is INVALID_ARGUMENT with the reason of its field."""
    assert await refused(emails.Send(request(**fields))) == (INVALID, reason)


async def test_R09_a_key_stores_one_message(emails: EmailServiceStub) -> None:
    """A second Send answers the first message as it is now, and stores nothing."""
    first = await emails.Send(request(cle_idempotence="relance-7"))
    second = await emails.Send(request(cle_idempotence="relance-7"))
    assert second.id == first.id
    assert len((await emails.List(pb.ListMessagesRequest())).messages) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"a": [pb.Destinataire(email="lea@exemple.fr", nom="Jean")]},
        {"cci": [pb.Destinataire(email="lea@exemple.fr")]},
        {"sujet": "Autre"},
        {"corps_texte": "Autre."},
        {"societe_id": "soc-2"},
    ],
)
async def test_R09_C21_a_key_with_another_content_is_refused(
    emails: EmailServiceStub, other: dict[str, object]
) -> None:
    """Another recipient, subject, body or société under a used key is refused and not stored."""
    await emails.Send(request(cle_idempotence="relance-7"))
    assert await refused(emails.Send(request(cle_idempotence="relance-7", **other))) == REUSED
    assert len((await emails.List(pb.ListMessagesRequest())).messages) == 1


async def test_R09_C21_contents_are_compared_in_their_stored_form(emails: EmailServiceStub) -> None:
    """Cleaned texts and lower-case addresses make the same content (C10)."""
    jean = pb.Destinataire(email="Jean@Exemple.fr", nom=" Jean ")
    first = await emails.Send(request(cle_idempotence="k", repondre_a="LEA@exemple.fr"))
    again = await emails.Send(request(cle_idempotence="k", a=[jean], repondre_a="lea@exemple.fr"))
    assert again.id == first.id


async def test_R09_a_message_from_before_contents_were_noted_answers_what_it_says(
    steps: Mesh, org: str
) -> None:
    """The columns of the row are compared; anything else is refused."""
    emails = steps.stub(EmailServiceStub, organisation=org)
    first = await emails.Send(request(cle_idempotence="k", entetes={"X-Dossier": "7"}))
    async with steps.database("email").transaction() as tx:
        message = await tx.get(Message, first.id)
        assert message is not None
        await tx.update(message, contenu_hash=None)
    again = await emails.Send(request(cle_idempotence="k", entetes={"X-Dossier": "7"}))
    assert again.id == first.id
    assert await refused(emails.Send(request(cle_idempotence="k", entetes={"X-Dossier": "8"}))) == REUSED


async def test_R09_a_message_of_an_event_is_no_answer_to_send(steps: Mesh, org: str) -> None:
    """The key of an event's message is refused to a Send with other words."""
    event = ClientCreatedEvent(event_id=str(uuid7()), client_id="client-9", organisation_id=org, nom="Roy")
    await steps.deliver(event)
    emails = steps.stub(EmailServiceStub, organisation=org)
    (stored,) = (await emails.List(pb.ListMessagesRequest())).messages
    assert await refused(emails.Send(request(cle_idempotence=stored.cle_idempotence))) == REUSED


async def test_R09_parallel_calls_with_one_key_store_one_message(emails: EmailServiceStub) -> None:
    """Twenty calls at once are answered with one message."""
    answers = await asyncio.gather(*(emails.Send(request(cle_idempotence="k")) for _ in range(20)))
    assert len({message.id for message in answers}) == 1
    assert len((await emails.List(pb.ListMessagesRequest())).messages) == 1


async def test_R09_a_key_belongs_to_its_organisation(mesh: Mesh, emails: EmailServiceStub) -> None:
    """The same key in another organisation makes another message."""
    other = mesh.stub(EmailServiceStub, organisation="org-email-cles")
    first = await emails.Send(request(cle_idempotence="k"))
    assert (await other.Send(request(cle_idempotence="k"))).id != first.id


async def test_R09_a_service_repeats_safely(mesh: Mesh, org: str) -> None:
    """A service that sends twice for an organisation gets the same message."""
    relance = mesh.service_stub(EmailServiceStub, caller="email", organisation=org)
    first = await relance.Send(request(organisation_id=org, cle_idempotence="k"))
    second = await relance.Send(request(organisation_id=org, cle_idempotence="k"))
    assert (second.id, second.organisation_id) == (first.id, org)


async def test_get_answers_the_whole_message(emails: EmailServiceStub) -> None:
    """The answer has bodies, blind recipients and the reply address."""
    cci = [pb.Destinataire(email="max@exemple.fr")]
    sent = await emails.Send(request(cci=cci, corps_html="<p>Bonjour.</p>", repondre_a="lea@exemple.fr"))
    message = await emails.Get(pb.GetMessageRequest(id=sent.id))
    assert (message.corps_texte, message.corps_html) == ("Bonjour.", "<p>Bonjour.</p>")
    assert (list(message.cci), message.repondre_a, message.message_id) == (
        cci,
        "lea@exemple.fr",
        sent.message_id,
    )


async def test_list_answers_the_newest_first_without_bodies(emails: EmailServiceStub) -> None:
    """Two pages hold three messages, the newest first; the total comes on request."""
    ids = [(await emails.Send(request())).id for _ in range(3)]
    first = await emails.List(pb.ListMessagesRequest(pagination=Pagination(page_size=2, with_total=True)))
    token = first.pagination.next_page_token
    second = await emails.List(pb.ListMessagesRequest(pagination=Pagination(page_size=2, page_token=token)))
    assert [message.id for message in (*first.messages, *second.messages)] == ids[::-1]
    assert (first.pagination.total, second.pagination.next_page_token) == (3, "")
    assert {message.corps_texte for message in first.messages} == {""}
    assert [list(message.a) for message in first.messages] == [[JEAN], [JEAN]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"destinataire": "LEA@exemple.fr"}, {"Devis", "Copie", "Copie cachée"}),
        ({"destinataire": "lea"}, set()),
        ({"search": "copie"}, {"Copie", "Copie cachée"}),
        ({"search": "CACHEE copie"}, {"Copie cachée"}),
        ({"search": "%"}, set()),
        ({"search": "' OR 1=1 --"}, set()),
        ({"statut": "en_file"}, {"Devis", "Copie", "Copie cachée", "Bonjour"}),
        ({"statut": "envoye"}, set()),
        ({"modele_code": "BIENVENUE_CLIENT"}, set()),
    ],
)
async def test_list_filters(steps: Mesh, org: str, filters: dict[str, str], found: set[str]) -> None:
    """Filters are a recipient in any of the three lists, words of the subject, statut and template."""
    emails, lea = steps.stub(EmailServiceStub, organisation=org), [pb.Destinataire(email="lea@exemple.fr")]
    await emails.Send(request(sujet="Devis", a=lea))
    await emails.Send(request(sujet="Copie", cc=lea))
    await emails.Send(request(sujet="Copie cachée", cci=lea))
    await emails.Send(request())
    page = await emails.List(pb.ListMessagesRequest(**filters))  # type: ignore[arg-type]  # fields of the request
    assert {message.sujet for message in page.messages} == found


async def test_list_takes_a_period_of_creation(emails: EmailServiceStub) -> None:
    """Both ends of the period belong to it."""
    first, second, third = [await emails.Send(request()) for _ in range(3)]
    page = await emails.List(pb.ListMessagesRequest(du=first.created_at, au=second.created_at))
    assert [message.id for message in page.messages] == [second.id, first.id]
    page = await emails.List(pb.ListMessagesRequest(du=third.created_at))
    assert [message.id for message in page.messages] == [third.id]


async def test_list_refuses_an_unknown_statut(emails: EmailServiceStub) -> None:
    """A statut outside the closed list is VALEUR_INCONNUE."""
    lost = pb.ListMessagesRequest(statut="perdu")
    assert await refused(emails.List(lost)) == (INVALID, "VALEUR_INCONNUE")
