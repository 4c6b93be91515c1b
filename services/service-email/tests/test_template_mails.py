"""Mails that callers have written by a template (R26)."""

from typing import Any

import grpc
import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from service_email.models import Modele
from service_testing import Mesh, eventually, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
MISSING = (grpc.StatusCode.NOT_FOUND, "INTROUVABLE")
REUSED = (grpc.StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
JEAN = pb.Destinataire(email="jean@exemple.fr", nom="Jean Dupont")
DEBIT = {
    "prenom": "Jean",
    "nom": "Dupont",
    "montant": "49,90\u00a0€",
    "date_initiale": "05/03/2026",
    "motif": "provision insuffisante",
    "date_nouvelle": "16/03/2026",
}
SENTENCE = (
    "Le prélèvement de 49,90\u00a0€ du 05/03/2026 n'a pas pu être effectué (provision insuffisante)."
    " Il sera présenté à nouveau le 16/03/2026."
)


def request(**fields: Any) -> pb.SendTemplateRequest:
    """The notice of a new presentation; *fields* replace the usual ones."""
    usual = {"a": [JEAN], "modele_code": "REPRESENTATION_PRELEVEMENT", "variables": DEBIT}
    return pb.SendTemplateRequest(**(usual | fields))


async def test_R26_the_notice_of_a_new_presentation_reads_as_agreed(
    emails: EmailServiceStub, org: str
) -> None:
    """Retry's sentence, in the text and in the HTML; the mail then leaves like any other."""
    message = await emails.SendTemplate(request(societe_id="soc-1", cle_idempotence="retry:7:1:avis"))
    assert (message.organisation_id, message.sujet, message.modele_code, message.origine) == (
        org,
        "Nouvelle présentation de votre prélèvement",
        "REPRESENTATION_PRELEVEMENT",
        "rpc",
    )
    assert (list(message.a), message.statut) == ([JEAN], "en_file")
    assert message.corps_texte == f"Bonjour Jean Dupont,\n\n{SENTENCE}\n\nCordialement,\nVotre conseiller"
    assert f"<p>{SENTENCE}</p>" in message.corps_html

    async def left() -> bool:
        return (await emails.Get(pb.GetMessageRequest(id=message.id))).statut == "envoye"

    await eventually(left)


async def test_R26_what_is_not_known_is_left_out_of_the_sentence(emails: EmailServiceStub) -> None:
    """Without the day of the debit and its reason the sentence still reads well."""
    bare = DEBIT | {"date_initiale": "", "motif": ""}
    message = await emails.SendTemplate(request(variables=bare))
    assert "Le prélèvement de 49,90\u00a0€ n'a pas pu être effectué. Il sera présenté" in message.corps_texte


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"modele_code": ""}, (INVALID, "CHAMP_REQUIS")),
        ({"modele_code": "INCONNU"}, MISSING),
        ({"modele_code": "COMPTE_REPRIS"}, MISSING),
        ({"modele_code": "BIENVENUE_UTILISATEUR"}, MISSING),
        ({"variables": {"nom": "Dupont"}}, (INVALID, "VARIABLE_MANQUANTE")),
        ({"variables": {**DEBIT, "iban": "x"}}, (INVALID, "VARIABLE_INCONNUE")),
        ({"variables": {**DEBIT, "motif": "a\x00b"}}, (INVALID, "FORMAT_INVALIDE")),
        ({"langue": "FR"}, (INVALID, "FORMAT_INVALIDE")),
        ({"langue": "français"}, (INVALID, "FORMAT_INVALIDE")),
        ({"a": []}, (INVALID, "CHAMP_REQUIS")),
        ({"a": [pb.Destinataire(email="x@y.fr\r\nBcc: z@y.fr")]}, (INVALID, "ENTETE_INTERDIT")),
        ({"societe_id": "soc 1"}, (INVALID, "FORMAT_INVALIDE")),
        ({"variables": {**DEBIT, "motif": "x" * 33_000}}, (INVALID, "TROP_LONG")),
    ],
)
async def test_R26_bad_input_is_refused_with_its_reason(
    emails: EmailServiceStub, fields: dict[str, Any], refusal: tuple[grpc.StatusCode, str]
) -> None:
    """Nothing is stored."""
    assert await refused(emails.SendTemplate(request(**fields))) == refusal
    assert not (await emails.List(pb.ListMessagesRequest())).messages


async def test_R26_values_are_escaped_and_are_no_templates(emails: EmailServiceStub) -> None:
    """Markup is shown as it was written; braces in a value are text."""
    message = await emails.SendTemplate(request(variables=DEBIT | {"nom": "<b>{{ motif }}</b>"}))
    assert "Bonjour Jean &lt;b&gt;{{ motif }}&lt;/b&gt;," in message.corps_html
    assert message.corps_texte.startswith("Bonjour Jean <b>{{ motif }}</b>,")


async def test_R26_a_language_that_is_not_written_falls_back_to_french(emails: EmailServiceStub) -> None:
    """The French template is sent."""
    assert SENTENCE in (await emails.SendTemplate(request(langue="en"))).corps_texte


async def test_R26_the_organisations_template_takes_what_the_systems_takes(
    mesh: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """It hides the system's, and need not use all that a caller gives."""
    own = Modele(
        organisation_id=org,
        code="REPRESENTATION_PRELEVEMENT",
        langue="fr",
        sujet="Le {{ date_nouvelle }}",
        corps_html="<p>{{ montant }}</p>",
        variables=[],
    )
    async with mesh.database("email").transaction() as tx:
        await tx.insert(own)
    message = await emails.SendTemplate(request())
    assert (message.sujet, message.corps_html) == ("Le 16/03/2026", "<p>49,90\u00a0€</p>")


async def test_R26_C21_one_key_stores_one_message(emails: EmailServiceStub) -> None:
    """Word for word the same is answered with the first; addresses are compared in their stored form."""
    first = await emails.SendTemplate(request(cle_idempotence="k"))
    shouting = pb.Destinataire(email="JEAN@exemple.fr", nom="Jean Dupont")
    again = await emails.SendTemplate(request(cle_idempotence="k", a=[shouting]))
    assert (again.id, len((await emails.List(pb.ListMessagesRequest())).messages)) == (first.id, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"a": [pb.Destinataire(email="lea@exemple.fr")]},
        {"variables": DEBIT | {"montant": "50,00\u00a0€"}},
        {"societe_id": "soc-2"},
        {"langue": "en"},
    ],
)
async def test_R26_C21_a_key_with_another_content_is_refused(
    emails: EmailServiceStub, other: dict[str, Any]
) -> None:
    """Another recipient, variable, société or language is another content; one mail goes out."""
    await emails.SendTemplate(request(cle_idempotence="k"))
    assert await refused(emails.SendTemplate(request(cle_idempotence="k", **other))) == REUSED
    plain = pb.SendRequest(a=[JEAN], sujet="Bonjour", corps_texte="Bonjour.", cle_idempotence="k")
    assert await refused(emails.Send(plain)) == REUSED
    assert len((await emails.List(pb.ListMessagesRequest())).messages) == 1
