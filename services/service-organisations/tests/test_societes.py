"""SocieteService: legal companies of an organisation."""

import asyncio
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import SocieteServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, pages, refusal, refused

# SIREN of public companies, each with its French VAT number.
DANONE, DANONE_TVA = "552032534", "FR27552032534"
OCTO, OCTO_TVA = "418166096", "FR16418166096"


def new(siren: str = DANONE, **fields: str) -> pb.CreateSocieteRequest:
    """Request for a company of *siren*."""
    return pb.CreateSocieteRequest(**({"raison_sociale": "Danone", "siren": siren} | fields))


def update(societe: pb.Societe, **fields: Any) -> pb.UpdateSocieteRequest:
    """Request that changes *fields* of *societe*."""
    return pb.UpdateSocieteRequest(id=societe.id, **fields)


@pytest.fixture
async def danone(societes: SocieteServiceStub, martin: pb.Organisation) -> pb.Societe:
    """Company with a VAT number."""
    return await societes.Create(new(numero_tva=DANONE_TVA))


async def test_R03_a_company_is_stored_in_one_form(
    societes: SocieteServiceStub, martin: pb.Organisation
) -> None:
    """Numbers are stored without spaces and in capitals, the email in lower case."""
    societe = await societes.Create(
        new(
            "552 032 534",
            raison_sociale="  Danone SA ",
            numero_tva="fr 27 552 032 534",
            adresse="17 boulevard Haussmann",
            email="Contact@Danone.example",
            telephone="01 44 35 20 20",
        )
    )
    expected = pb.Societe(
        id=societe.id,
        organisation_id=martin.id,
        raison_sociale="Danone SA",
        siren=DANONE,
        numero_tva=DANONE_TVA,
        adresse="17 boulevard Haussmann",
        email="contact@danone.example",
        telephone="01 44 35 20 20",
        created_at=societe.created_at,
        updated_at=societe.created_at,
        version=1,
    )
    assert expected == societe == await societes.Get(pb.GetSocieteRequest(id=societe.id))


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"raison_sociale": " "}, "CHAMP_REQUIS", "raison_sociale"),
        ({"raison_sociale": "x" * 256}, "TROP_LONG", "raison_sociale"),
        ({"siren": ""}, "CHAMP_REQUIS", "siren"),
        ({"siren": "552032535"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "55203253"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "000000000"}, "FORMAT_INVALIDE", "siren"),
        ({"numero_tva": "FR00552032534"}, "FORMAT_INVALIDE", "numero_tva"),
        ({"numero_tva": OCTO_TVA}, "FORMAT_INVALIDE", "numero_tva"),
        ({"email": "danone"}, "FORMAT_INVALIDE", "email"),
        ({"telephone": "zéro un"}, "FORMAT_INVALIDE", "telephone"),
    ],
)
async def test_R03_creation_names_the_field_at_fault(
    societes: SocieteServiceStub, martin: pb.Organisation, fields: dict[str, str], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field, and stores nothing."""
    answer = await refusal(societes.Create(new(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert not (await societes.ListByOrganisation(pb.ListSocietesByOrganisationRequest())).societes


async def test_R03_a_company_belongs_to_an_organisation_that_exists(
    mesh: Mesh, societes: SocieteServiceStub
) -> None:
    """An organisation that was not created is NOT_FOUND, and none ORGANISATION_REQUISE."""
    assert await refused(societes.Create(new())) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    nowhere = mesh.stub(SocieteServiceStub, organisation="")
    assert await refused(nowhere.Create(new())) == (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")


async def test_R03_a_siren_occurs_once_in_an_organisation(
    societes: SocieteServiceStub, danone: pb.Societe
) -> None:
    """A second company of a SIREN, however spelt, is refused with the id of the first."""
    answer = await refusal(societes.Create(new("552 032 534")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_societe_siren", "id": danone.id},
    )


async def test_R03_parallel_creations_of_a_siren_make_one(
    societes: SocieteServiceStub, martin: pb.Organisation
) -> None:
    """One of ten creations of a SIREN at once succeeds."""
    answers = await asyncio.gather(*(societes.Create(new()) for _ in range(10)), return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9


async def test_R03_siren_and_vat_number_change_together(
    societes: SocieteServiceStub, danone: pb.Societe
) -> None:
    """A French VAT number must embed the SIREN that is or will be stored."""
    alone = await refusal(societes.Update(update(danone, siren=OCTO)))
    assert (alone.reason, alone.metadata) == ("FORMAT_INVALIDE", {"champ": "numero_tva"})
    both = await societes.Update(update(danone, siren="418 166 096", numero_tva=OCTO_TVA))
    assert (both.siren, both.numero_tva, both.version) == (OCTO, OCTO_TVA, 2)
    cleared = await societes.Update(update(danone, siren=DANONE, numero_tva=""))
    assert (cleared.siren, cleared.numero_tva, cleared.version) == (DANONE, "", 3)


async def test_C09_update_changes_what_is_present(societes: SocieteServiceStub, danone: pb.Societe) -> None:
    """Stored values change nothing, an old version is refused, a name cannot be cleared."""
    changed = await societes.Update(update(danone, adresse="Paris", telephone="+33 1"))
    assert (changed.raison_sociale, changed.adresse, changed.version) == ("Danone", "Paris", 2)
    assert changed == await societes.Update(update(danone, adresse=" Paris ", siren=DANONE, version=2))
    old = await refusal(societes.Update(update(danone, adresse="Lyon", version=1)))
    assert (old.code, old.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")
    empty = await refusal(societes.Update(update(danone, raison_sociale="")))
    assert (empty.reason, empty.metadata) == ("CHAMP_REQUIS", {"champ": "raison_sociale"})


async def test_R08_a_deleted_company_leaves_its_siren(
    societes: SocieteServiceStub, danone: pb.Societe
) -> None:
    """A company is deleted once and not found again; its SIREN may be given anew."""
    request = pb.DeleteSocieteRequest(id=danone.id)
    assert [(await societes.Delete(request)).success for _ in range(2)] == [True, False]
    assert (await refusal(societes.Get(pb.GetSocieteRequest(id=danone.id)))).reason == "INTROUVABLE"
    again = await societes.Create(new())
    assert (again.siren, again.id) != (danone.siren, danone.id)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("DANO", ["Danone"]),
        ("8166", ["Œuvre"]),
        ("oeuv 41", ["Œuvre"]),
        ("o", ["Danone", "Œuvre"]),
        ("%", []),
    ],
)
async def test_companies_are_found_by_name_and_siren(
    societes: SocieteServiceStub, danone: pb.Societe, search: str, expected: list[str]
) -> None:
    """A search finds words in any order (C8), without ligatures; pages are sorted by name."""
    await societes.Create(new(OCTO, raison_sociale="Œuvre"))
    request = pb.ListSocietesByOrganisationRequest(search=search, pagination=Pagination(page_size=1))
    walked = [page async for page in pages(societes.ListByOrganisation, request)]
    assert [societe.raison_sociale for page in walked for societe in page.societes] == expected
