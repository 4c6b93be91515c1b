"""Templates over gRPC (R8): what organisations may write, and what it reads like."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
import pytest
from crm.common.common_pb2 import Pagination
from crm.email import email_pb2 as pb
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from grpc import StatusCode
from service_email.modele_rules import LARGEST_PART
from service_testing import Mesh, eventually, pages, refusal, refused
from tests.secretariat import Bureau

INVALID, MISSING = StatusCode.INVALID_ARGUMENT, (StatusCode.NOT_FOUND, "INTROUVABLE")
OFFRE: dict[str, Any] = {
    "code": "OFFRE",
    "sujet": "Votre offre, {{ prenom }}",
    "corps_html": "<p>Bonjour {{ prenom }}, {{ offre }}.</p>",
}


def create(**fields: Any) -> pb.CreateModeleRequest:
    """The request for a small template; *fields* replace the usual ones."""
    return pb.CreateModeleRequest(**(OFFRE | fields))


async def test_R08_a_template_of_the_organisation_writes_its_mails(bureau: Bureau) -> None:
    """From Create to SendTemplate; without a list its variables are those that it uses."""
    modele = await bureau.modeles.Create(create())
    assert (list(modele.variables), modele.langue, modele.version) == (["offre", "prenom"], "fr", 1)
    sent = await bureau.emails.SendTemplate(
        pb.SendTemplateRequest(
            a=[pb.Destinataire(email="jean@exemple.fr")],
            modele_code="OFFRE",
            variables={"prenom": "<b>", "offre": "10 €"},
            pieces_jointes=[pb.NouvellePieceJointe(nom="offre.txt", contenu=b"10")],
        )
    )
    assert (sent.sujet, sent.corps_html) == ("Votre offre, <b>", "<p>Bonjour &lt;b&gt;, 10 €.</p>")
    assert [piece.nom for piece in sent.pieces_jointes] == ["offre.txt"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"code": ""}, "CHAMP_REQUIS"),
        ({"code": "offre"}, "FORMAT_INVALIDE"),
        ({"code": "A" * 61}, "TROP_LONG"),
        ({"code": "CONFIRMATION_ADRESSE"}, "CODE_RESERVE"),
        ({"langue": "FR"}, "FORMAT_INVALIDE"),
        ({"sujet": ""}, "CHAMP_REQUIS"),
        ({"sujet": "a\nb"}, "ENTETE_INTERDIT"),
        ({"sujet": "x" * 256}, "TROP_LONG"),
        ({"corps_html": " "}, "CHAMP_REQUIS"),
        ({"corps_html": "x" * (LARGEST_PART + 1)}, "TROP_LONG"),
        ({"variables": ["Prénom"]}, "FORMAT_INVALIDE"),
        ({"variables": ["prenom"]}, "MODELE_INVALIDE"),
        ({"corps_html": "{{ ''.__class__ }}"}, "MODELE_INVALIDE"),
        ({"corps_html": "{{ prenom"}, "MODELE_INVALIDE"),
        ({"corps_html": "{% for a in b %}{% endfor %}"}, "MODELE_INVALIDE"),
        ({"corps_html": "{{ prenom|upper(1) }}"}, "MODELE_INVALIDE"),
        ({"corps_html": "{% if prenom < 3 %}a{% endif %}"}, "MODELE_INVALIDE"),
        ({"corps_html": "{{ Prenom }}"}, "FORMAT_INVALIDE"),
        ({"corps_html": "{{ prenom|upper }}" * 41}, "MODELE_INVALIDE"),
        ({"corps_html": "{{ prenom }}" * 501}, "MODELE_INVALIDE"),
        ({"code": "BIENVENUE_CLIENT"}, "MODELE_INVALIDE"),
    ],
)
async def test_R08_what_is_no_template_is_refused(
    bureau: Bureau, fields: dict[str, Any], reason: str
) -> None:
    """And nothing is stored. Under a code of the system only its variables are known."""
    assert await refused(bureau.modeles.Create(create(**fields))) == (INVALID, reason)
    own = await bureau.modeles.List(pb.ListModelesRequest(pagination=Pagination(page_size=100)))
    assert all(modele.organisation_id == "" for modele in own.modeles)


@pytest.mark.parametrize(
    "tags",
    ["{% if prenom|title == 'a' %}{% endif %}" * 40, "{{ prenom|title|title }}" * 20, "{{ prenom }}" * 500],
)
async def test_R08_no_template_takes_a_second(bureau: Bureau, tags: str) -> None:
    """Whatever is made of the longest values (measured in the time of the processor)."""
    values = {"prenom": "a b" * 10_900}
    await bureau.modeles.Create(create(corps_html=tags, sujet="a"))
    began = time.process_time()
    asked = pb.ApercuModeleRequest(modele_code="OFFRE", variables=values)
    with suppress(grpc.aio.AioRpcError):  # some are too long
        await bureau.modeles.Apercu(asked)
    assert time.process_time() - began < 1.0


async def test_R08_a_refusal_says_which_part_is_wrong_and_where(bureau: Bureau) -> None:
    """The field, and the line in it."""
    answer = await refusal(bureau.modeles.Create(create(corps_texte="Bonjour\n{% if %}")))
    assert (answer.reason, answer.metadata["champ"]) == ("MODELE_INVALIDE", "corps_texte")
    assert "ligne 2" in answer.message
    asked = pb.ApercuModeleRequest(corps_html="{{ prenom }}")
    answer = await refusal(bureau.modeles.Apercu(asked))
    assert answer.message == "Une variable du modèle n'a pas reçu de valeur (variable : prenom)."


async def test_R08_the_template_of_the_organisation_hides_that_of_the_system(
    bureau: Bureau, steps: Mesh
) -> None:
    """Also in the mails of events, and for this organisation alone."""
    system = {"code": "BIENVENUE_CLIENT", "sujet": "Salut {{ prenom }}", "corps_html": "<p>Salut.</p>"}
    modele = await bureau.modeles.Create(create(**system))
    assert list(modele.variables) == ["prenom", "nom", "organisation_nom"]
    other = Bureau(steps, f"{bureau.org}-autre")
    for one, sujet in ((bureau, "Salut Jean"), (other, "Bienvenue Jean")):
        event = ClientCreatedEvent(
            event_id=str(uuid7()),
            client_id="client-1",
            organisation_id=one.org,
            prenom="Jean",
            email="jean@exemple.fr",
        )
        await steps.deliver(event)
        await eventually(partial(_subjects, one, sujet))


async def _subjects(bureau: Bureau, sujet: str) -> bool:
    page = await bureau.emails.List(pb.ListMessagesRequest())
    return [message.sujet for message in page.messages] == [sujet]


async def test_R08_a_code_is_taken_once_per_language(bureau: Bureau) -> None:
    """In another language it is another template."""
    await bureau.modeles.Create(create())
    again = bureau.modeles.Create(create())
    assert await refused(again) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert (await bureau.modeles.Create(create(langue="de"))).langue == "de"


async def test_R08_a_template_is_changed_by_its_organisation(bureau: Bureau, steps: Mesh) -> None:
    """What it says; its variables follow, or are told. One of the system is changed by nobody."""
    modele = await bureau.modeles.Create(create(corps_texte="Bonjour"))
    request = pb.UpdateModeleRequest(id=modele.id, corps_html="<p>{{ prenom }}\r\n</p>", corps_texte="")
    changed = await bureau.modeles.Update(request)
    assert (changed.corps_html, changed.corps_texte, changed.version) == ("<p>{{ prenom }}\n</p>", "", 2)
    unknown = pb.UpdateModeleRequest(id=modele.id, sujet="{{ ville }}")
    assert await refused(bureau.modeles.Update(unknown)) == (INVALID, "MODELE_INVALIDE")
    told = pb.UpdateModeleRequest(id=modele.id, sujet="{{ ville }}", variables=["ville", "prenom"])
    assert list((await bureau.modeles.Update(told)).variables) == ["ville", "prenom"]
    stale = pb.UpdateModeleRequest(id=modele.id, sujet="a", version=1)
    assert await refused(bureau.modeles.Update(stale)) == (StatusCode.ABORTED, "VERSION_PERIMEE")
    foreign = Bureau(steps, f"{bureau.org}-autre")
    mine = pb.UpdateModeleRequest(id=modele.id, sujet="Moi")
    assert await refused(foreign.modeles.Update(mine)) == MISSING
    system = next(one for one in await _all(bureau) if not one.organisation_id)
    locked = pb.UpdateModeleRequest(id=system.id, sujet="Moi")
    answer = await refused(bureau.modeles.Update(locked))
    assert answer == (StatusCode.FAILED_PRECONDITION, "MODELE_SYSTEME")


async def _all(bureau: Bureau) -> list[pb.Modele]:
    request = pb.ListModelesRequest(pagination=Pagination(page_size=3))
    return [modele async for page in pages(bureau.modeles.List, request) for modele in page.modeles]


async def test_C8_templates_are_listed_by_code_with_the_systems(bureau: Bureau, steps: Mesh) -> None:
    """Those of other organisations are not."""
    await bureau.modeles.Create(create())
    await bureau.modeles.Create(create(langue="de"))
    await Bureau(steps, f"{bureau.org}-autre").modeles.Create(create(code="AUTRE"))
    codes = [modele.code for modele in await _all(bureau)]
    assert codes == sorted(codes)
    assert (codes.count("OFFRE"), "AUTRE" in codes, "FACTURE_EMISE" in codes) == (2, False, True)
    german = await bureau.modeles.List(pb.ListModelesRequest(langue="de"))
    assert [modele.code for modele in german.modeles] == ["OFFRE"]


async def test_R08_a_preview_shows_what_would_be_sent(bureau: Bureau) -> None:
    """Of a stored template, or of one that is being written; a text is derived from HTML alone."""
    await bureau.modeles.Create(create())
    values = {"prenom": "Léa", "offre": "10 €"}
    stored = await bureau.modeles.Apercu(pb.ApercuModeleRequest(modele_code="OFFRE", variables=values))
    assert (stored.sujet, stored.texte) == ("Votre offre, Léa", "Bonjour Léa, 10 €.")
    written = pb.ApercuModeleRequest(sujet="A {{ b }}", corps_html="<p>{{ b }}</p>", variables={"b": "<"})
    shown = await bureau.modeles.Apercu(written)
    assert (shown.sujet, shown.html, shown.texte) == ("A <", "<p>&lt;</p>", "<")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, (INVALID, "CHAMP_REQUIS")),
        ({"modele_code": "INCONNU"}, MISSING),
        ({"modele_code": "FACTURE_EMISE", "sujet": "a"}, (INVALID, "FORMAT_INVALIDE")),
        ({"modele_code": "FACTURE_EMISE"}, (INVALID, "VARIABLE_MANQUANTE")),
        ({"corps_html": "{{ a }}"}, (INVALID, "VARIABLE_MANQUANTE")),
        ({"corps_html": "{{ a.b }}"}, (INVALID, "MODELE_INVALIDE")),
        ({"corps_html": "{{ a }}" * 20, "variables": {"a": "x" * 32_000}}, (INVALID, "RENDU_TROP_LONG")),
        ({"corps_html": "{{ a }}", "variables": {"a": "x" * 33_000}}, (INVALID, "TROP_LONG")),
    ],
)
async def test_R08_what_cannot_be_shown_is_refused(
    bureau: Bureau, fields: dict[str, Any], refusal: tuple[StatusCode, str]
) -> None:
    """With the reason that sending it would have."""
    assert await refused(bureau.modeles.Apercu(pb.ApercuModeleRequest(**fields))) == refusal
