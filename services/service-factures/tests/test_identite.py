"""Parties of invoices: what is frozen (R10), whose société it is (R11), what is missing (R12)."""

import pytest
from crm.clients import clients_pb2 as clients_pb
from crm.clients.clients_pb2_grpc import (
    ClientBaseServiceStub,
)
from crm.contrats.contrats_pb2 import CreateContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from crm.organisations.organisations_pb2 import CreateOrganisationRequest, CreateSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import uuid7
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from service_factures.completion import complete_identities
from service_factures.identite import acheteur, country
from service_factures.service import SERVICE
from service_testing import Mesh, refused, running
from tests.facturation import SAVED, Invoices, save
from tests.people import People

UNKNOWN = (StatusCode.FAILED_PRECONDITION, "CLIENT_INCONNU")


async def test_R10_settings_are_completed_by_organisations(
    made: Invoices,
    people: People,
    org: str,
    organisations: OrganisationServiceStub,
    societes: SocieteServiceStub,
) -> None:
    """By the organisation for the default société, else by the société itself."""
    await organisations.Create(
        CreateOrganisationRequest(
            id=org, nom="Maison mère", siret="55210055400013", adresse="1 place", email="m@exemple.fr"
        )
    )
    societe = await societes.Create(
        CreateSocieteRequest(
            raison_sociale="Filiale",
            siren="418166096",
            numero_tva="FR16418166096",
            adresse="2 place",
        )
    )
    fields = {"client_id": await people.person(), "montant": 10, "mode_paiement": "CARTE"}
    free = {"taux_tva": 0, "motif_exoneration": "EXONERATION_261C"}
    for more, nom, siren in (
        ({"societe_id": ""} | free, "Maison mère", "552100554"),
        ({"societe_id": societe.id}, "Filiale", "418166096"),
    ):
        facture = await made.issued(**fields, **more)
        seller = MessageToDict(facture.vendeur)
        assert (facture.identite_statut, seller["nom"], seller["siren"]) == ("COMPLETE", nom, siren)


async def test_R10_a_person_is_frozen_with_the_seller(
    made: Invoices, people: People, reglages: FactureSettingsServiceStub, clients: ClientBaseServiceStub
) -> None:
    """Neither changes later."""
    await reglages.Save(save(**SAVED))
    client_id = await people.person()
    facture = await made.issued(client_id=client_id, montant=10)
    assert (facture.identite_statut, list(facture.avertissements)) == ("COMPLETE", [])
    buyer, seller = MessageToDict(facture.acheteur), MessageToDict(facture.vendeur)
    assert (buyer["nom"], buyer["type_client"], buyer["adresse"]["pays"]) == (
        "Anne Dupont",
        "PARTICULIER",
        "FR",
    )
    assert (seller["nom"], seller["siren"], seller["adresse_electronique"]) == (
        "Atelier Élan",
        "552100554",
        "0225:552100554",
    )
    await clients.Update(clients_pb.UpdateClientBaseRequest(id=client_id, nom="Martin"))
    await reglages.Save(save(company_name="Autre"))
    assert await made.read(facture.id) == facture


async def test_R14_a_person_owes_no_late_payment_rate(made: Invoices, people: People) -> None:
    """Nor the indemnity, and the due date has no limit (R16); an unknown buyer is a business."""
    person = await made.issued(client_id=await people.person(), montant=10, date_echeance="2099-01-01")
    assert not person.HasField("taux_penalites")
    assert not person.HasField("indemnite_recouvrement")
    assert (await made.issued()).indemnite_recouvrement == 40


def test_R26_where_invoices_are_received() -> None:
    """As the sheet says, else by SIREN in France and by email abroad; a person has no address."""
    sheet = clients_pb.ClientEntreprise(raison_sociale="Œuvres SA", siren="418166096")
    client = clients_pb.ClientBase(type_client="PARTENAIRE", email="a@exemple.fr")
    for pays, sheet_address, address in (
        ("France", "", "0225:418166096"),
        ("France", "0225:418166096_compta", "0225:418166096_compta"),
        ("Allemagne", "", "EM:a@exemple.fr"),
    ):
        sheet.adresse_electronique = sheet_address
        del client.adresses[:]
        client.adresses.add(type="PRINCIPALE", pays=pays)
        assert acheteur(client, sheet)["adresse_electronique"] == address
    client.type_client = "PARTICULIER"
    assert acheteur(client, None)["adresse_electronique"] == ""


async def test_R10_a_company_is_billed_at_its_address_for_invoices(
    made: Invoices, people: People, reglages: FactureSettingsServiceStub
) -> None:
    """With its name, SIREN and electronic address (R26); it owes late-payment rates."""
    await reglages.Save(save(**SAVED))
    client_id = await people.company(
        {"type": "PRINCIPALE", "pays": "France"},
        {"type": "FACTURATION", "ville": "Saint-Denis", "pays": "La Réunion"},
        sheet={"siren": "418166096"},
    )
    facture = await made.issued(client_id=client_id, montant=10)
    buyer = MessageToDict(facture.acheteur)
    assert (buyer["nom"], buyer["siren"], buyer["adresse_electronique"]) == (
        "Œuvres SA",
        "418166096",
        "0225:418166096",
    )
    assert (buyer["adresse"]["ville"], buyer["adresse"]["pays"]) == ("Saint-Denis", "RE")
    assert (facture.identite_statut, facture.indemnite_recouvrement) == ("COMPLETE", 40)
    assert facture.HasField("taux_penalites")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("France", "FR"),
        ("LA REUNION", "RE"),
        ("be", "BE"),
        ("Germany", "DE"),
        ("Allemagne", "DE"),
        ("Ys", ""),
    ],
)
def test_R10_countries_are_known_by_code_and_name(name: str, code: str) -> None:
    """French or English, whatever case and accents; "Ys" is two letters and taken as they are."""
    assert country(name) == (code or "YS")


async def test_C23_R11_whose_societe_an_invoice_is(
    made: Invoices, people: People, contrats: ContratServiceStub
) -> None:
    """The request's, also empty, else the contract's, else the client's, else the default one."""
    client_id = await people.person(societe_id="soc-client")
    contrat = await contrats.Create(
        CreateContratRequest(client_id=client_id, produit_id="prod-1", societe_id="soc-contrat", montant=10)
    )
    fields = {"client_id": client_id, "montant": 10}
    by_contract = {"contrat_id": contrat.id}
    for more, societe in (
        ({"societe_id": "soc-1"} | by_contract, "soc-1"),
        ({"societe_id": ""} | by_contract, ""),
        (by_contract, "soc-contrat"),
        ({"contrat_id": "contrat-1"}, "soc-client"),
        ({"contrat_id": str(uuid7())}, "soc-client"),  # of none that contrats knows
        ({}, "soc-client"),
    ):
        assert (await made.issued(**fields, **more)).societe_id == societe
    assert (await made.issued()).societe_id == ""


async def test_R11_a_societe_of_ours_must_exist(made: Invoices) -> None:
    """No series begins for one that does not; one of another system is taken as it is."""
    refusal = (StatusCode.FAILED_PRECONDITION, "SOCIETE_INCONNUE")
    assert await refused(made.issued(societe_id=str(uuid7()))) == refusal
    assert (await made.issued(societe_id="soc-1")).numero.endswith("000001")


async def test_R12_a_client_who_does_not_exist_is_refused(
    made: Invoices, foreign_clients: ClientBaseServiceStub, factures: InvoiceServiceStub
) -> None:
    """Also one of another organisation; no number is taken."""
    theirs = await foreign_clients.Create(clients_pb.CreateClientBaseRequest(nom="Autre", prenom="Un"))
    for client_id in (str(uuid7()), theirs.id):
        assert await refused(made.issued(client_id=client_id, montant=10)) == UNKNOWN
        assert await refused(made.draft(client_id=client_id, montant=10)) == UNKNOWN
        draft = await made.draft()
        change = factures.Update(pb.UpdateFactureRequest(id=draft.id, client_id=client_id))
        assert await refused(change) == UNKNOWN
    assert (await made.issued()).numero.endswith("000001")


async def test_R12_what_is_missing_is_told(
    made: Invoices, people: People, reglages: FactureSettingsServiceStub
) -> None:
    """The invoice is issued all the same."""
    facture = await made.issued()
    assert list(facture.avertissements) == ["SELLER", "CLIENT", "TVA", "IBAN"]
    assert (facture.identite_statut, facture.HasField("acheteur")) == ("A_COMPLETER", False)
    await reglages.Save(save(**SAVED))
    foreign = await people.company(
        {"pays": "Pays inconnu"}, sheet={"pays": "DE", "identifiant_etranger": "HRB 1"}, email=""
    )
    facture = await made.issued(client_id=foreign, montant=10)
    assert list(facture.avertissements) == ["PAYS", "ADRESSE_ELECTRONIQUE"]
    free = {"taux_tva": 0, "motif_exoneration": "AUTOLIQUIDATION"}
    numberless = made.issued(client_id=foreign, montant=10, **free)
    assert await refused(numberless) == (StatusCode.INVALID_ARGUMENT, "NUMERO_TVA_REQUIS")
    assert "TVA" not in (await made.issued(montant=10, **free)).avertissements


async def test_R12_the_job_freezes_the_parties_once_they_are_known(
    mesh: Mesh, made: Invoices, people: People, reglages: FactureSettingsServiceStub
) -> None:
    """And an avoir's; a second run changes nothing."""
    facture = await made.issued(client_id=await people.person(), montant=10)
    assert list(facture.avertissements) == ["SELLER", "TVA", "IBAN"]
    await reglages.Save(save(**SAVED))
    for _ in range(2):
        await complete_identities(mesh["factures"].app)
        after = await made.read(facture.id)
        assert (after.identite_statut, list(after.avertissements)) == ("COMPLETE", [])
        assert after.version == facture.version + 1
    assert (after.numero, after.date_emission) == (facture.numero, facture.date_emission)
    assert MessageToDict(after.vendeur)["nom"] == "Atelier Élan"


async def test_R12_strict_mode_refuses_what_is_not_complete() -> None:
    """And takes no number; drafts are kept."""
    async with running(SERVICE, user_sync_enabled=False, factures_identite_stricte=True) as mesh:
        factures = mesh.stub(InvoiceServiceStub, organisation="org-1")
        made = Invoices(factures)
        told = (StatusCode.FAILED_PRECONDITION, "IDENTITE_INCOMPLETE")
        assert await refused(made.issued()) == told
        draft = await made.draft()
        assert await refused(factures.Finalize(pb.FinalizeFactureRequest(id=draft.id))) == told
        request = pb.CheckSequenceRequest(serie="FACTURE", annee=2026)
        assert (await factures.CheckSequence(request)).nombre == 0
