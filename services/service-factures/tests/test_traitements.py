"""How sales are told to the administration (R34), and which invoices have to be sent (R35)."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from crm.clients import clients_pb2 as clients_pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import (
    FactureSettingsServiceStub,
    InvoiceServiceStub,
    TransmissionServiceStub,
)
from facturx import get_xml_from_pdf
from grpc import StatusCode
from service_factures.completion import complete_identities
from service_factures.traitements import decided, statut
from service_testing import Mesh, refused
from tests.facturation import SAVED, Invoices, save
from tests.people import People

Issue = Callable[..., Awaitable[pb.Facture]]
SIREN = {"siren": "732829320", "numero_tva": "FR44732829320"}
OVERSEAS = ("GF", "YT", "PM", "BL", "MF", "NC", "PF", "WF", "MC")
FREE = {"taux_tva": 0, "montant": 10}


def buyer(type_client: str, pays: str, siren: str = "732829320") -> dict[str, Any]:
    """A buyer as it is frozen."""
    return {"type_client": type_client, "adresse": {"pays": pays}, "siren": siren}


@pytest.mark.parametrize(
    ("type_client", "pays", "siren", "traitement"),
    [
        ("PARTICULIER", "FR", "", "B2C"),
        ("PARTICULIER", "DE", "", "B2C"),
        *(("ENTREPRISE", pays, "732829320", "B2B") for pays in ("FR", "GP", "MQ", "RE")),
        ("PARTENAIRE", "FR", "732829320", "B2B"),
        ("ENTREPRISE", "FR", "", "B2BINT"),
        *(
            ("ENTREPRISE", pays, "732829320", "B2BINT")
            for pays in ["GF", "YT", "PM", "BL", "MF", "NC", "PF", "WF", "MC"]
        ),
        ("ENTREPRISE", "DE", "", "B2BINT"),
    ],
)
def test_R34_the_buyer_decides(type_client: str, pays: str, siren: str, traitement: str) -> None:
    """A person anywhere; a business by its country and its SIREN."""
    assert decided(None, None, {"S"}, buyer(type_client, pays, siren)) == traitement


@pytest.mark.parametrize(
    ("motif", "categories", "traitement"),
    [
        ("HORS_CHAMP", {"O"}, "OUTOFSCOPE"),
        ("EXONERATION_261C", {"E"}, "OUTOFSCOPE"),
        ("EXONERATION_261_4", {"E"}, "OUTOFSCOPE"),
        ("EXONERATION_261C", {"E", "S"}, "B2B"),
        ("FRANCHISE_293B", {"E"}, "B2B"),
        ("AUTOLIQUIDATION", {"AE"}, "B2B"),
    ],
)
def test_R34_lines_outside_the_reform_go_first(motif: str, categories: set[str], traitement: str) -> None:
    """All of them outside, whoever buys; one line within brings the invoice back."""
    assert decided(None, motif, categories, buyer("ENTREPRISE", "FR")) == traitement


@pytest.mark.parametrize("asked", ["B2B", "B2BINT", "B2C", "OUTOFSCOPE"])
def test_R34_what_is_asked_wins(asked: str) -> None:
    """Over the buyer and over the lines."""
    for motif, categories in ((None, {"S"}), ("HORS_CHAMP", {"O"})):
        assert decided(asked, motif, categories, buyer("PARTICULIER", "FR")) == asked


@pytest.mark.parametrize(
    ("traitement", "day", "wanted"),
    [
        ("B2B", date(2027, 9, 1), "A_ENVOYER"),
        ("B2B", date(2027, 8, 31), "SANS_OBJET"),
        *((other, date(2030, 1, 1), "SANS_OBJET") for other in ("B2C", "B2BINT", "OUTOFSCOPE", None)),
    ],
)
def test_R35_sales_between_companies_are_sent_from_one_day_on(
    traitement: str | None, day: date, wanted: str
) -> None:
    """Others never have to be."""
    assert statut(traitement, day, date(2027, 9, 1)) == wanted


async def test_R34_a_person_is_b2c_and_nothing_is_sent(sold: Issue, people: People) -> None:
    """Although invoices between companies have to be."""
    facture = await sold(client_id=await people.person())
    assert (facture.traitement, facture.statut_transmission) == ("B2C", "SANS_OBJET")


async def test_R34_what_a_draft_says_is_frozen_and_printed(
    sold: Issue, people: People, factures: InvoiceServiceStub
) -> None:
    """In the note BAR, also where it is not what the buyer's type says; a draft may take it back."""
    association = await people.company(sheet={"siren": "418166096"})
    draft = await sold_draft(factures, association, traitement="B2C")
    assert draft.traitement == "B2C"
    cleared = await factures.Update(pb.UpdateFactureRequest(id=draft.id, traitement=""))
    assert cleared.traitement == ""
    await factures.Update(pb.UpdateFactureRequest(id=draft.id, traitement="OUTOFSCOPE"))
    facture = await factures.Finalize(pb.FinalizeFactureRequest(id=draft.id))
    assert (facture.traitement, facture.statut_transmission) == ("OUTOFSCOPE", "SANS_OBJET")
    document = await factures.Download(pb.DownloadFactureRequest(id=facture.id))
    assert b">OUTOFSCOPE<" in get_xml_from_pdf(document.content, check_xsd=False)[1]


async def sold_draft(factures: InvoiceServiceStub, client_id: str, **fields: Any) -> pb.Facture:
    """A draft of 10 € for the client."""
    return await factures.Create(
        pb.CreateFactureRequest(client_id=client_id, montant=10, brouillon=True, **fields)
    )


async def test_R34_b2b_is_for_those_who_have_a_siren(
    sold: Issue, people: People, factures: InvoiceServiceStub
) -> None:
    """A person never has one, nor has a company abroad: no platform would take their invoice."""
    refusal = (StatusCode.INVALID_ARGUMENT, "SIREN_REQUIS")
    person = await people.person()
    abroad = await people.company(
        {"pays": "DE"}, sheet={"pays": "DE", "numero_tva": "DE136695976"}, email="a@b.de"
    )
    for client_id in (person, abroad):
        assert await refused(sold(client_id=client_id, traitement="B2B")) == refusal
    draft = await sold_draft(factures, person, traitement="B2B")
    assert await refused(factures.Finalize(pb.FinalizeFactureRequest(id=draft.id))) == refusal
    company = await people.person(type_client="ENTREPRISE")
    waiting = await Invoices(factures).issued(client_id=company, traitement="B2B")
    assert "SIREN" in waiting.avertissements


async def test_R34_an_unknown_treatment_is_refused(made: Invoices, factures: InvoiceServiceStub) -> None:
    """At Create and at Update."""
    unknown = (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")
    assert await refused(made.issued(traitement="b2b")) == unknown
    draft = await made.draft()
    assert await refused(factures.Update(pb.UpdateFactureRequest(id=draft.id, traitement="B2G"))) == unknown


async def test_R34_monaco_is_sold_to_as_at_home(
    sold: Issue, people: People, reglages: FactureSettingsServiceStub
) -> None:
    """With French VAT, neither as an export nor within the Union."""
    monaco = await people.company(
        {"pays": "Monaco"}, sheet={"pays": "MC", "numero_tva": "FR53000004605"}, email="a@b.mc"
    )
    refusal = (StatusCode.INVALID_ARGUMENT, "MONACO_COMME_EN_FRANCE")
    for motif in ("EXPORT", "INTRACOM"):
        goods = {"nature_operation": "BIENS", "motif_exoneration": motif, "client_id": monaco}
        assert await refused(sold(**goods, **FREE)) == refusal
    facture = await sold(client_id=monaco)
    assert (facture.traitement, facture.montant_tva) == ("B2BINT", 166.67)


async def test_R35_an_invoice_to_a_company_is_owed_to_it_at_once(
    sold: Issue, transmissions: TransmissionServiceStub
) -> None:
    """With the transaction that issues it."""
    facture = await sold()
    assert (facture.traitement, facture.statut_transmission) == ("B2B", "A_ENVOYER")
    way = await transmissions.GetTransmission(pb.GetTransmissionRequest(facture_id=facture.id))
    assert [one.nom for one in way.historique] == ["A_ENVOYER"]
    assert (way.numero, way.adresse_destinataire) == (facture.numero, "0225:732829320")


async def test_R35_by_default_nothing_is_sent_before_september_2027(
    made: Invoices, people: People, reglages: FactureSettingsServiceStub
) -> None:
    """A société that says nothing else issues as before."""
    await reglages.Save(save(**SAVED))
    facture = await made.issued(client_id=await people.company(sheet=SIREN))
    assert (facture.traitement, facture.statut_transmission) == ("B2B", "SANS_OBJET")


async def test_R34_R35_an_avoir_follows_its_invoice(sold: Issue, factures: InvoiceServiceStub) -> None:
    """It takes its treatment, and is sent, too."""
    for fields, told in (({}, ("B2B", "A_ENVOYER")), ({"traitement": "B2C"}, ("B2C", "SANS_OBJET"))):
        facture = await sold(**fields)
        avoir = await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=facture.id, motif="Geste"))
        assert (avoir.traitement, avoir.statut_transmission) == told


async def test_R34_R35_the_treatment_comes_with_the_parties(
    mesh: Mesh,
    made: Invoices,
    people: People,
    factures: InvoiceServiceStub,
    reglages: FactureSettingsServiceStub,
) -> None:
    """An avoir that was issued meanwhile takes them from its invoice, not from the client as he is then."""
    client = await people.company(sheet=SIREN)
    facture = await made.issued(client_id=client)
    avoir = await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=facture.id, motif="Geste"))
    assert {(one.traitement, one.statut_transmission) for one in (facture, avoir)} == {("", "SANS_OBJET")}
    await reglages.Save(save(**SAVED, emission_obligatoire_le="2020-01-01"))
    await complete_identities(mesh["factures"].app)
    facture, avoir = await made.read(facture.id), await made.read(avoir.id)
    assert {(one.traitement, one.statut_transmission) for one in (facture, avoir)} == {("B2B", "A_ENVOYER")}
    assert (avoir.acheteur, avoir.vendeur) == (facture.acheteur, facture.vendeur)


async def test_R34_a_client_who_changes_later_changes_nothing(
    sold: Issue, people: People, clients: ClientBaseServiceStub, made: Invoices
) -> None:
    """The treatment is frozen with the parties."""
    client = await people.person()
    facture = await sold(client_id=client)
    await clients.Update(clients_pb.UpdateClientBaseRequest(id=client, nom="Martin"))
    assert (await made.read(facture.id)).traitement == facture.traitement == "B2C"


async def test_R35_the_day_and_the_regime_are_settings(reglages: FactureSettingsServiceStub) -> None:
    """By default September 2027 and the month; a franchise has its own regime; empty is the default again."""
    first = await reglages.Save(save(company_name="A"))
    days = "2027-09-01", "2027-09-01"
    assert (first.emission_obligatoire_le, first.ereporting_depuis) == days
    assert first.regime_tva == "REEL_MENSUEL"
    assert (await reglages.Save(save(franchise_tva=True))).regime_tva == "FRANCHISE"
    asked = {"regime_tva": "SIMPLIFIE", "ereporting_depuis": "2026-01-01"}
    said = await reglages.Save(save(**asked))
    assert (said.regime_tva, said.ereporting_depuis) == ("SIMPLIFIE", "2026-01-01")
    back = await reglages.Save(save(regime_tva="", ereporting_depuis=""))
    assert (back.regime_tva, back.ereporting_depuis) == ("FRANCHISE", "2027-09-01")
    unknown = (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")
    assert await refused(reglages.Save(save(regime_tva="MENSUEL"))) == unknown
    wrong = (StatusCode.INVALID_ARGUMENT, "DATE_INVALIDE")
    assert await refused(reglages.Save(save(emission_obligatoire_le="2027-02-30"))) == wrong
