"""ContratService: making contracts in the short and the long form, and reading them."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, refusal, refused
from tests.en_statut import SHORT, Contracts

pytestmark = pytest.mark.usefixtures("noon")


async def test_R02_client_and_product_are_enough(
    mesh: Mesh, made: Contracts, noon: datetime, org: str
) -> None:
    """The contract is signed now, begins today, is paid once, has one line, and is announced."""
    contrat = await made.signed()
    expected = pb.Contrat(
        id=contrat.id,
        organisation_id=org,
        reference="CTR-2026-000001",
        statut="SIGNE",
        client_id="client-123",
        produit_id="prod-456",
        date_debut="2026-03-10",
        date_signature=timestamp(noon),
        nombre_echeances=1,
        prix_a_confirmer=True,
        devise="EUR",
        frequence_facturation="UNIQUE",
        created_at=timestamp(noon),
        updated_at=timestamp(noon),
        version=1,
    )
    assert expected == contrat == await made.read(contrat.id)
    (ligne,) = (await made.details(contrat.id)).lignes
    assert (ligne.produit_id, ligne.quantite, ligne.prix_unitaire) == ("prod-456", 1, 0)
    (event,) = await mesh.published(ContractSignedEvent, 1, where=lambda one: one.organisation_id == org)
    assert event.contrat_id == contrat.id


async def test_R02_the_short_form_makes_distinct_contracts(mesh: Mesh, made: Contracts, org: str) -> None:
    """Each with a reference and an event of its own."""
    contrats = [await made.signed() for _ in range(3)]
    assert [one.reference[-6:] for one in contrats] == ["000001", "000002", "000003"]
    events = await mesh.published(ContractSignedEvent, 3, where=lambda one: one.organisation_id == org)
    assert sorted(one.contrat_id for one in events) == sorted(one.id for one in contrats)


async def test_R02_the_long_form_is_kept(made: Contracts, noon: datetime) -> None:
    """Every field that a request may have."""
    fields: dict[str, Any] = {
        "client_id": "client-9",
        "produit_id": "prod-1",
        "reference": "  DOSSIER 7 ",
        "titre": "Énergie",
        "description": "Ligne 1\nLigne 2",
        "type": "ENERGIE",
        "date_debut": "2026-04-01",
        "duree_mois": 10,
        "date_signature": timestamp(noon - timedelta(days=3)),
        "signataire_nom": "Jeanne Martin",
        "montant": 30,
        "devise": "CHF",
        "frequence_facturation": "TRIMESTRIELLE",
        "document_url": "https://exemple.fr/c.pdf",
        "fournisseur": "Fournisseur SA",
        "commercial_id": "app-1",
        "societe_id": "soc-1",
        "notes": "à rappeler",
    }
    contrat = await made.signed(**fields)
    kept = {name: getattr(contrat, name) for name in fields}
    assert kept == fields | {"reference": "DOSSIER 7"}
    assert (contrat.date_fin, contrat.nombre_echeances, contrat.montant_total) == ("2027-01-31", 4, 120.0)
    (ligne,) = (await made.details(contrat.id)).lignes
    assert (ligne.prix_unitaire, contrat.prix_a_confirmer, ligne.prix_a_confirmer) == (30.0, False, False)


async def test_R02_a_draft_is_not_announced(mesh: Mesh, made: Contracts, org: str) -> None:
    """It has no date of signature; a contract that is signed after it is announced alone."""
    draft = await made.draft()
    signed = await made.signed()
    assert (draft.statut, draft.HasField("date_signature")) == ("BROUILLON", False)
    events = await mesh.published(ContractSignedEvent, 1, where=lambda one: one.organisation_id == org)
    assert [one.contrat_id for one in events] == [signed.id]


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"client_id": " "}, "CHAMP_REQUIS", "client_id"),
        ({"client_id": "a b"}, "FORMAT_INVALIDE", "client_id"),
        ({"produit_id": "-x"}, "FORMAT_INVALIDE", "produit_id"),
        ({"statut_initial": "ACTIF"}, "VALEUR_INCONNUE", "statut_initial"),
        ({"frequence_facturation": "HEBDOMADAIRE"}, "VALEUR_INCONNUE", "frequence_facturation"),
        ({"duree_mois": 0}, "DUREE_INVALIDE", "duree_mois"),
        ({"duree_mois": 241}, "DUREE_INVALIDE", "duree_mois"),
        ({"montant": -0.01}, "MONTANT_INVALIDE", "montant"),
        ({"montant": float("nan")}, "MONTANT_INVALIDE", "montant"),
        ({"montant": 1e12}, "MONTANT_INVALIDE", "montant"),
        ({"montant": 1e11, "frequence_facturation": "MENSUELLE"}, "MONTANT_INVALIDE", "montant"),
        ({"devise": "euro"}, "FORMAT_INVALIDE", "devise"),
        ({"date_debut": "2026-02-30"}, "DATE_INVALIDE", "date_debut"),
        ({"titre": "x" * 256}, "TROP_LONG", "titre"),
        ({"document_url": "javascript:alert(1)"}, "FORMAT_INVALIDE", "document_url"),
        ({"document_url": "file:///etc/contrat.pdf"}, "FORMAT_INVALIDE", "document_url"),
        ({"document_url": "documents:"}, "FORMAT_INVALIDE", "document_url"),
        ({"reference": "x" * 101}, "TROP_LONG", "reference"),
        ({"lignes": [{"produit_id": "p", "quantite": 0}]}, "QUANTITE_INVALIDE", "quantite"),
        ({"lignes": [{"produit_id": "p", "quantite": 100_001}]}, "QUANTITE_INVALIDE", "quantite"),
        ({"lignes": [{"produit_id": "p", "prix_unitaire": -1}]}, "MONTANT_INVALIDE", "prix_unitaire"),
        ({"lignes": [{"quantite": 1}]}, "CHAMP_REQUIS", "produit_id"),
        ({"lignes": [{"produit_id": "p"}] * 51}, "TROP_D_ENTREES", "lignes"),
        (
            {"lignes": [{"produit_id": "p", "quantite": 100_000, "prix_unitaire": 1e8}]},
            "MONTANT_INVALIDE",
            "prix_unitaire",
        ),
    ],
)
async def test_R02_bad_input_stores_nothing(
    contrats: ContratServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """INVALID_ARGUMENT with the field; the next contract has the first number."""
    told = await refusal(contrats.Create(pb.CreateContratRequest(**(SHORT | fields))))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, reason)
    assert told.metadata["champ"] == champ
    listed = await contrats.List(pb.ListContratsRequest())
    assert not listed.contrats
    created = await contrats.Create(pb.CreateContratRequest(**SHORT))
    assert created.reference == "CTR-2026-000001"


async def test_R02_the_line_at_fault_is_named(contrats: ContratServiceStub) -> None:
    """In metadata and sentence, with the bounds."""
    lignes = [{"produit_id": "p"}, {"produit_id": "p", "quantite": 0}]
    told = await refusal(contrats.Create(pb.CreateContratRequest(**SHORT | {"lignes": lignes})))
    assert told.metadata == {"champ": "quantite", "entree": "lignes[1]"}
    assert told.message == (
        "Une quantité est comprise entre 1 et 100 000 (champ : quantite ; entrée : lignes[1])."
    )


async def test_R02_a_client_alone_has_a_contract_without_a_price(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """It is signed like any other, and its price is to be confirmed."""
    contrat = await contrats.Create(pb.CreateContratRequest(client_id="client-123"))
    assert (contrat.statut, contrat.montant_total, contrat.prix_a_confirmer) == ("SIGNE", 0, True)
    assert not (await made.details(contrat.id)).lignes


async def test_R09_a_file_of_documents_or_a_web_address_is_kept(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """Update is held to it, too."""
    draft = await made.draft(document_url="documents:doc-1")
    assert draft.document_url == "documents:doc-1"
    request = pb.UpdateContratRequest(id=draft.id, document_url="http://ged.exemple.fr/contrat n°1.pdf")
    told = await refusal(contrats.Update(request))
    assert (told.reason, told.metadata["champ"]) == ("FORMAT_INVALIDE", "document_url")
    request.document_url = "http://ged.exemple.fr/contrat-n°1.pdf"
    assert (await contrats.Update(request)).document_url == request.document_url


async def test_R02_a_draft_has_no_date_of_signature(contrats: ContratServiceStub, noon: datetime) -> None:
    """One that is given would be lost, so it is refused."""
    request = pb.CreateContratRequest(**SHORT, statut_initial="BROUILLON", date_signature=timestamp(noon))
    answer = await refused(contrats.Create(request))
    assert answer == (StatusCode.INVALID_ARGUMENT, "BROUILLON_SANS_SIGNATURE")


async def test_R02_fifty_lines_are_possible(made: Contracts) -> None:
    """In the order of the request."""
    lignes = [{"produit_id": f"p-{rang}", "prix_unitaire": 1, "quantite": 2} for rang in range(50)]
    contrat = await made.signed(lignes=lignes)
    details = await made.details(contrat.id)
    assert [one.produit_id for one in details.lignes] == [one["produit_id"] for one in lignes]
    assert contrat.montant_total == 100.0


@pytest.mark.parametrize(
    ("ahead", "ok"),
    [
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, seconds=1), False),
        (timedelta(days=-3652), True),
        (timedelta(days=-3653), False),
    ],
)
async def test_R08_a_signature_is_of_the_last_ten_years(
    contrats: ContratServiceStub, made: Contracts, noon: datetime, ahead: timedelta, ok: bool
) -> None:
    """Or at most five minutes ahead, for clocks that differ: by Create and by Signer."""
    told = timestamp(noon + ahead)
    draft = await made.draft()
    calls: list[Awaitable[Any]] = [
        contrats.Create(pb.CreateContratRequest(**SHORT, date_signature=told)),
        contrats.Signer(pb.SignerContratRequest(id=draft.id, date_signature=told)),
    ]
    for call in calls:
        if ok:
            assert (await call).date_signature == told
        else:
            answer = await refusal(call)
            assert (answer.reason, answer.metadata) == ("DATE_INVALIDE", {"champ": "date_signature"})


async def test_C6_contracts_of_others_do_not_exist(
    foreign_contrats: ContratServiceStub, made: Contracts
) -> None:
    """For the RPCs that the conformance suite does not know."""
    contrat = await made.draft()
    calls: list[Awaitable[Any]] = [
        foreign_contrats.GetWithDetails(pb.GetContratWithDetailsRequest(id=contrat.id)),
        foreign_contrats.GetByReference(pb.GetContratByReferenceRequest(reference=contrat.reference)),
        foreign_contrats.Signer(pb.SignerContratRequest(id=contrat.id)),
        foreign_contrats.Annuler(pb.AnnulerContratRequest(id=contrat.id, motif="erreur")),
    ]
    for call in calls:
        assert await refused(call) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert await made.read(contrat.id) == contrat
