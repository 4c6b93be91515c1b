"""Names below mails (R28): those that factures and organisations tell."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import PaymentRejectedEvent
from crm.factures.factures_pb2 import SaveFactureSettingsRequest
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub
from crm.organisations.organisations_pb2 import CreateSocieteRequest, EnsureExistsRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import uuid7
from service_email.modeles import Rendu
from service_email.models import Modele
from service_email.service import SERVICE
from service_email.signatures import signed
from service_kit.registry import service_named
from service_testing import Mesh, eventually, running

NOTICE = {
    "prenom": "Jean",
    "nom": "",
    "montant": "49,90\u00a0€",
    "date_initiale": "",
    "motif": "",
    "date_nouvelle": "16/03/2026",
}
UNSIGNED = "Cordialement,\nVotre conseiller"


@pytest.fixture(scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh of email and of those that tell it a name, without an SMTP server."""
    known = map(service_named, ("clients", "factures", "organisations"))
    folder: Path = tmp_path_factory.mktemp("signed")
    async with running(SERVICE, *known, mail_folder=folder, user_sync_enabled=False) as mesh:
        for name in ("clients", "factures", "organisations"):
            await eventually(partial(mesh["email"].app.peers.serving, name))
        yield mesh


async def societe(city: Mesh, org: str, siren: str = "732829320") -> str:
    """The id of a new société of *org*, Dupont & Fils."""
    organisations = city.service_stub(OrganisationServiceStub, caller="clients", organisation=org)
    await organisations.EnsureExists(EnsureExistsRequest(id=org))
    societes = city.stub(SocieteServiceStub, organisation=org)
    return (await societes.Create(CreateSocieteRequest(raison_sociale="Dupont & Fils", siren=siren))).id


async def invoices_as(city: Mesh, org: str, name: str, societe_id: str = "") -> None:
    """The société writes *name* on its invoices."""
    settings = city.stub(FactureSettingsServiceStub, organisation=org)
    await settings.Save(SaveFactureSettingsRequest(societe_id=societe_id, company_name=name))


async def notice(city: Mesh, org: str, societe_id: str = "") -> pb.Message:
    """The notice of a new presentation in the name of the société."""
    request = pb.SendTemplateRequest(
        a=[pb.Destinataire(email="jean@exemple.fr")],
        modele_code="REPRESENTATION_PRELEVEMENT",
        variables=NOTICE,
        societe_id=societe_id,
    )
    return await city.stub(EmailServiceStub, organisation=org).SendTemplate(request)


@pytest.mark.parametrize(
    ("own", "name", "expected"),
    [
        (None, "Dupont & Fils", ("Votre conseiller : Dupont & Fils", "<p>Dupont &amp; Fils</p>")),
        (None, "", ("Votre conseiller : Votre conseiller", "<p>Votre conseiller</p>")),
        ("org-1", "Dupont & Fils", ("Votre conseiller : Votre conseiller", "<p>Votre conseiller</p>")),
    ],
)
def test_R28_the_last_line_alone_is_replaced(own: str | None, name: str, expected: tuple[str, str]) -> None:
    """In templates of the system, when a name is known; it is escaped in HTML."""
    modele = Modele(organisation_id=own, code="X", langue="fr", sujet="", corps_html="", variables=[])
    rendu = Rendu("", "<p>Votre conseiller</p>", "Votre conseiller : Votre conseiller")
    told = signed(rendu, modele, name)
    assert (told.texte, told.html) == expected


async def test_R28_a_mail_is_signed_by_its_societe(city: Mesh, org: str) -> None:
    """By the name on its invoices, else the registered one; without either as before."""
    one, other = [await societe(city, org, siren) for siren in ("732829320", "552100554")]
    await invoices_as(city, org, "Dupont Énergie", other)
    texts = [(await notice(city, org, named)).corps_texte for named in (one, other, "soc-externe", "")]
    assert [text.rpartition("Cordialement,\n")[2] for text in texts] == [
        "Dupont & Fils",
        "Dupont Énergie",
        "Votre conseiller",
        "Votre conseiller",
    ]
    await invoices_as(city, org, "Maison Dupont")
    assert (await notice(city, org)).corps_texte.endswith("Cordialement,\nMaison Dupont")


async def test_R28_the_mail_of_an_event_is_signed_by_the_societe_of_the_event(city: Mesh, org: str) -> None:
    """Or by that of the client, when the event tells none."""
    named = await societe(city, org)
    clients = city.stub(ClientBaseServiceStub, organisation=org)
    made = clients_pb2.CreateClientBaseRequest(nom="Roy", email="roy@exemple.fr", societe_id=named)
    client = await clients.Create(made)
    emails = city.stub(EmailServiceStub, organisation=org)
    for payment_id, organisation, told in (("p-1", org, named), ("p-2", "", "")):
        event = PaymentRejectedEvent(
            event_id=str(uuid7()),
            client_id=client.id,
            payment_id=payment_id,
            motif_rejet="AM04",
            organisation_id=organisation,
            societe_id=told,
        )
        await city.deliver(event)
    page = await emails.List(pb.ListMessagesRequest(modele_code="PAIEMENT_REJETE"))
    mails = [await emails.Get(pb.GetMessageRequest(id=one.id)) for one in page.messages]
    assert [mail.corps_texte.rpartition("Cordialement,\n")[2] for mail in mails] == ["Dupont & Fils"] * 2
    assert all("<br>\nDupont &amp; Fils</p>" in mail.corps_html for mail in mails)


async def test_R28_while_nobody_tells_a_name_the_mail_goes_all_the_same(
    city: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Signed as before; the log says why."""
    named = await societe(city, org)
    async with city.without("factures"), city.without("organisations"):
        assert (await notice(city, org, named)).corps_texte.endswith(UNSIGNED)
    assert "signed without the name of its société" in caplog.text
