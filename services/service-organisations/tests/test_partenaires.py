"""PartenaireMarqueBlancheService: white-label partners and the themes of their brands."""

import asyncio
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import PartenaireMarqueBlancheServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, pages, refusal, refused

DANONE, DANONE_TVA, OCTO = "552032534", "FR27552032534", "418166096"
THEME = pb.Theme(
    logo_url="https://cdn.example/logo.svg?v=2",
    favicon_url="http://localhost:3000/favicon.ico",
    couleur_primaire="#aabbcc",
    couleur_secondaire="#001122",
)


def new(siren: str = DANONE, **fields: Any) -> pb.CreatePartenaireRequest:
    """Request for a partner of *siren*."""
    standard = {"denomination": "Marque", "siren": siren, "contact_support_email": "aide@marque.example"}
    return pb.CreatePartenaireRequest(**(standard | fields))


def update(partenaire: pb.Partenaire, **fields: Any) -> pb.UpdatePartenaireRequest:
    """Request that changes *fields* of *partenaire*."""
    return pb.UpdatePartenaireRequest(id=partenaire.id, **fields)


@pytest.fixture
async def marque(partenaires: PartenaireMarqueBlancheServiceStub) -> pb.Partenaire:
    """Active partner with a theme."""
    return await partenaires.Create(new(numero_tva=DANONE_TVA, theme=THEME))


async def test_R09_a_partner_is_stored_in_one_form(
    partenaires: PartenaireMarqueBlancheServiceStub, org: str
) -> None:
    """A new partner is ACTIF; colours and email are stored in lower case."""
    theme = pb.Theme(couleur_primaire="#AABBCC", logo_url=THEME.logo_url)
    made = await partenaires.Create(
        new(
            "552 032 534",
            denomination=" Marque ",
            numero_tva="fr27552032534",
            contact_support_email="Aide@Marque.example",
            telephone="01.02",
            theme=theme,
        )
    )
    expected = pb.Partenaire(
        id=made.id,
        organisation_id=org,
        denomination="Marque",
        siren=DANONE,
        numero_tva=DANONE_TVA,
        contact_support_email="aide@marque.example",
        telephone="01.02",
        statut="ACTIF",
        theme=pb.Theme(couleur_primaire="#aabbcc", logo_url=THEME.logo_url),
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
    )
    assert expected == made == await partenaires.Get(pb.GetPartenaireRequest(id=made.id))


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"denomination": ""}, "CHAMP_REQUIS", "denomination"),
        ({"siren": ""}, "CHAMP_REQUIS", "siren"),
        ({"siren": "552032535"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "000000000"}, "FORMAT_INVALIDE", "siren"),
        ({"numero_tva": "FR16418166096"}, "FORMAT_INVALIDE", "numero_tva"),
        ({"telephone": "rouge"}, "FORMAT_INVALIDE", "telephone"),
        ({"statut": "actif"}, "VALEUR_INCONNUE", "statut"),
        ({"theme": pb.Theme(couleur_primaire="red")}, "FORMAT_INVALIDE", "couleur_primaire"),
        ({"theme": pb.Theme(logo_url="javascript:alert(1)")}, "FORMAT_INVALIDE", "logo_url"),
        ({"theme": pb.Theme(logo_url="http://cdn.example/logo.png")}, "FORMAT_INVALIDE", "logo_url"),
        ({"theme": pb.Theme(favicon_url="https://x/" + "y" * 2048)}, "TROP_LONG", "favicon_url"),
    ],
)
async def test_R09_creation_names_the_field_at_fault(
    partenaires: PartenaireMarqueBlancheServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field, and stores nothing."""
    answer = await refusal(partenaires.Create(new(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert not (await partenaires.List(pb.ListPartenairesRequest())).partenaires


async def test_R10_a_partner_has_an_address_for_support(
    partenaires: PartenaireMarqueBlancheServiceStub, marque: pb.Partenaire
) -> None:
    """The email for support is required on Create and cannot be cleared."""
    answers = [
        await refusal(partenaires.Create(new(OCTO, contact_support_email=""))),
        await refusal(partenaires.Create(new(OCTO, contact_support_email="aide"))),
        await refusal(partenaires.Update(update(marque, contact_support_email=""))),
    ]
    assert [answer.reason for answer in answers] == ["CHAMP_REQUIS", "FORMAT_INVALIDE", "CHAMP_REQUIS"]
    assert {answer.metadata["champ"] for answer in answers} == {"contact_support_email"}


async def test_R03_a_siren_occurs_once_in_an_organisation(
    mesh: Mesh, partenaires: PartenaireMarqueBlancheServiceStub, marque: pb.Partenaire
) -> None:
    """One of ten creations at once succeeds; another organisation may have the SIREN."""
    answer = await refusal(partenaires.Create(new()))
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_partenaire_siren", "id": marque.id},
    )
    many = await asyncio.gather(*(partenaires.Create(new(OCTO)) for _ in range(10)), return_exceptions=True)
    codes = [one.code() for one in many if isinstance(one, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9
    theirs = mesh.stub(PartenaireMarqueBlancheServiceStub, organisation=f"{marque.organisation_id}-autre")
    assert (await theirs.Create(new())).siren == DANONE


async def test_C09_update_changes_what_is_present(
    partenaires: PartenaireMarqueBlancheServiceStub, marque: pb.Partenaire
) -> None:
    """A theme replaces the whole theme, its absence keeps it; an old version is refused."""
    renamed = await partenaires.Update(update(marque, denomination="Autre"))
    assert (renamed.denomination, renamed.theme, renamed.version) == ("Autre", THEME, 2)
    same = await partenaires.Update(update(marque, theme=THEME, siren="552 032 534", version=2))
    assert same == renamed
    theme = pb.Theme(couleur_secondaire="#FFFFFF")
    repainted = await partenaires.Update(update(marque, theme=theme))
    assert repainted.theme == pb.Theme(couleur_secondaire="#ffffff")
    old = await refusal(partenaires.Update(update(marque, denomination="Vieux", version=1)))
    assert (old.code, old.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_R12_a_wrong_move_is_refused(
    partenaires: PartenaireMarqueBlancheServiceStub, marque: pb.Partenaire
) -> None:
    """A refused move names both states; RESILIE is final (R11)."""
    wrong = await refusal(partenaires.Update(update(marque, statut="PROSPECT")))
    assert (wrong.code, wrong.reason, wrong.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
        {"de": "ACTIF", "vers": "PROSPECT"},
    )
    for statut in ("SUSPENDU", "ACTIF", "RESILIE"):
        assert (await partenaires.Update(update(marque, statut=statut))).statut == statut
    final = await refusal(partenaires.Update(update(marque, statut="ACTIF")))
    assert final.reason == "TRANSITION_INTERDITE"


@pytest.mark.parametrize("statut", ["PROSPECT", "RESILIE"])
async def test_R12_a_prospect_or_former_partner_may_be_deleted(
    partenaires: PartenaireMarqueBlancheServiceStub, statut: str
) -> None:
    """Delete of a partner in PROSPECT or RESILIE answers success=true, once."""
    request = pb.DeletePartenaireRequest(id=(await partenaires.Create(new(statut=statut))).id)
    assert [(await partenaires.Delete(request)).success for _ in range(2)] == [True, False]


@pytest.mark.parametrize("statut", ["ACTIF", "SUSPENDU"])
async def test_R12_an_active_or_suspended_partner_may_not_be_deleted(
    partenaires: PartenaireMarqueBlancheServiceStub, marque: pb.Partenaire, statut: str
) -> None:
    """Delete is TRANSITION_INTERDITE and the partner stays."""
    await partenaires.Update(update(marque, statut=statut))
    answer = await refused(partenaires.Delete(pb.DeletePartenaireRequest(id=marque.id)))
    assert answer == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")
    assert (await partenaires.Get(pb.GetPartenaireRequest(id=marque.id))).statut == statut


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["Élan", "Marque"]),
        ({"search": "MARQ"}, ["Marque"]),
        ({"search": "elan 8166"}, ["Élan"]),
        ({"statut": "PROSPECT"}, ["Élan"]),
    ],
)
async def test_partners_are_found_by_name_siren_and_state(
    partenaires: PartenaireMarqueBlancheServiceStub,
    marque: pb.Partenaire,
    filters: dict[str, str],
    expected: list[str],
) -> None:
    """Search and status narrow the list, which is sorted by name over all pages."""
    await partenaires.Create(new(OCTO, denomination="Élan", statut="PROSPECT"))
    request = pb.ListPartenairesRequest(**filters, pagination=Pagination(page_size=1))
    walked = [page async for page in pages(partenaires.List, request)]
    assert [partenaire.denomination for page in walked for partenaire in page.partenaires] == expected
