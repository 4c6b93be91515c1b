"""ClientEntrepriseService: company sheets, one per SIREN (R15)."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientEntrepriseServiceStub
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, pages, refusal

# SIREN of public companies, each with its French VAT number.
DANONE, DANONE_TVA = "552032534", "FR27552032534"
OCTO, OCTO_TVA = "418166096", "FR16418166096"


def new(siren: str = DANONE, **fields: str) -> pb.CreateClientEntrepriseRequest:
    """Request for a sheet of *siren*."""
    return pb.CreateClientEntrepriseRequest(**({"raison_sociale": "Danone", "siren": siren} | fields))


def update(sheet: pb.ClientEntreprise, **fields: Any) -> pb.UpdateClientEntrepriseRequest:
    """Request that changes *fields* of *sheet*."""
    return pb.UpdateClientEntrepriseRequest(id=sheet.id, **fields)


@pytest.fixture
async def danone(entreprises: ClientEntrepriseServiceStub) -> pb.ClientEntreprise:
    """Sheet with a VAT number."""
    return await entreprises.Create(new(numero_tva=DANONE_TVA))


async def test_R15_a_sheet_is_stored_in_one_form(entreprises: ClientEntrepriseServiceStub, org: str) -> None:
    """Numbers are stored without spaces and in capitals, the name with single spaces."""
    sheet = await entreprises.Create(
        new("552 032 534", raison_sociale="  Danone   SA ", numero_tva="fr 27 552 032 534")
    )
    expected = pb.ClientEntreprise(
        id=sheet.id,
        organisation_id=org,
        raison_sociale="Danone SA",
        pays="FR",
        siren=DANONE,
        numero_tva=DANONE_TVA,
        created_at=sheet.created_at,
        updated_at=sheet.created_at,
        version=1,
    )
    assert expected == sheet == await entreprises.Get(pb.GetClientEntrepriseRequest(id=sheet.id))


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"raison_sociale": " "}, "CHAMP_REQUIS", "raison_sociale"),
        ({"siren": ""}, "CHAMP_REQUIS", "siren"),
        ({"raison_sociale": "x" * 256}, "TROP_LONG", "raison_sociale"),
        ({"siren": "552032535"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "55203253"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "5520325340"}, "FORMAT_INVALIDE", "siren"),
        ({"siren": "DANONE"}, "FORMAT_INVALIDE", "siren"),
        ({"numero_tva": "FR00552032534"}, "FORMAT_INVALIDE", "numero_tva"),
        ({"numero_tva": OCTO_TVA}, "FORMAT_INVALIDE", "numero_tva"),
        ({"numero_tva": "552032534"}, "FORMAT_INVALIDE", "numero_tva"),
        ({"numero_tva": "US123456789"}, "FORMAT_INVALIDE", "numero_tva"),
        ({"siren": "000000000"}, "FORMAT_INVALIDE", "siren"),
        ({"pays": "fr"}, "VALEUR_INCONNUE", "pays"),
        ({"pays": "MC"}, "SIREN_INTERDIT", "siren"),
        ({"pays": "MC", "siren": ""}, "CHAMP_REQUIS", "numero_tva"),
        ({"identifiant_etranger": "x" * 51}, "TROP_LONG", "identifiant_etranger"),
        ({"adresse_electronique": "0088:" + "1" * 126}, "TROP_LONG", "adresse_electronique"),
        ({"adresse_electronique": "0225:418166096"}, "FORMAT_INVALIDE", "adresse_electronique"),
    ],
)
async def test_R15_creation_names_the_field_at_fault(
    entreprises: ClientEntrepriseServiceStub, fields: dict[str, str], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field, and stores nothing."""
    answer = await refusal(entreprises.Create(new(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert not (await entreprises.List(pb.ListClientEntreprisesRequest())).clients


async def test_R15_a_siren_occurs_once(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """A second sheet of a SIREN, however spelt, is refused with the id of the first."""
    answer = await refusal(entreprises.Create(new("552 032 534", raison_sociale="Autre")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_client_entreprise_siren", "id": danone.id},
    )


async def test_R15_parallel_creations_of_a_siren_make_one(entreprises: ClientEntrepriseServiceStub) -> None:
    """One of ten creations of a SIREN at once succeeds."""
    answers = await asyncio.gather(*(entreprises.Create(new()) for _ in range(10)), return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9


async def test_R15_organisations_may_share_a_siren(mesh: Mesh, danone: pb.ClientEntreprise) -> None:
    """Two organisations may each have a sheet of one company."""
    theirs = mesh.stub(ClientEntrepriseServiceStub, organisation=f"{danone.organisation_id}-autre")
    assert (await theirs.Create(new())).siren == danone.siren


async def test_R15_siren_and_vat_number_change_together(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """A French VAT number must embed the SIREN that is or will be stored."""
    alone = await refusal(entreprises.Update(update(danone, siren=OCTO)))
    assert (alone.code, alone.reason, alone.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "FORMAT_INVALIDE",
        {"champ": "numero_tva"},
    )
    both = await entreprises.Update(update(danone, siren=OCTO, numero_tva=OCTO_TVA))
    assert (both.siren, both.numero_tva, both.version) == (OCTO, OCTO_TVA, 2)
    cleared = await entreprises.Update(update(danone, siren=DANONE, numero_tva=""))
    assert (cleared.siren, cleared.numero_tva, cleared.version) == (DANONE, "", 3)


async def test_R15_an_update_may_not_take_a_siren(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """Taking the SIREN of another sheet of the organisation is ALREADY_EXISTS."""
    octo = await entreprises.Create(new(OCTO))
    answer = await refusal(entreprises.Update(update(octo, siren=DANONE)))
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_client_entreprise_siren", "id": danone.id},
    )


async def test_R15_a_company_from_elsewhere_is_stored_with_its_own_numbers(
    entreprises: ClientEntrepriseServiceStub,
) -> None:
    """A company of Monaco is stored without a SIREN and found by List."""
    sheet = await entreprises.Create(
        new("", pays="MC", numero_tva="FR 90 000 012 345", identifiant_etranger="RCI 56S00001")
    )
    assert (sheet.pays, sheet.siren, sheet.numero_tva, sheet.identifiant_etranger) == (
        "MC",
        "",
        "FR90000012345",
        "RCI 56S00001",
    )
    assert [sheet] == list((await entreprises.List(pb.ListClientEntreprisesRequest(search="dan"))).clients)


async def test_R15_without_a_siren_the_vat_number_occurs_once(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """The VAT number of a company without a SIREN is unique; other identifiers may repeat."""
    belgian = await entreprises.Create(new("", pays="BE", numero_tva="BE0403170701"))
    answer = await refusal(entreprises.Create(new("", pays="BE", numero_tva="BE 0403.170.701")))
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_client_entreprise_tva", "id": belgian.id},
    )
    for _ in range(2):
        await entreprises.Create(new("", pays="US", identifiant_etranger="12"))
    assert (await entreprises.Create(new(OCTO, numero_tva="BE0403170701"))).siren == OCTO


async def test_R15_a_company_moves_with_all_its_numbers(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """A change of country is refused unless all numbers suit the new country."""
    alone = await refusal(entreprises.Update(update(danone, pays="BE")))
    assert (alone.code, alone.reason) == (StatusCode.INVALID_ARGUMENT, "SIREN_INTERDIT")
    moved = await entreprises.Update(update(danone, pays="BE", siren="", numero_tva="BE0403170701"))
    assert (moved.pays, moved.siren, moved.numero_tva, moved.version) == ("BE", "", "BE0403170701", 2)
    cleared = await refusal(entreprises.Update(update(danone, numero_tva="")))
    assert (cleared.reason, cleared.metadata) == ("CHAMP_REQUIS", {"champ": "numero_tva"})
    back = await refusal(entreprises.Update(update(danone, pays="FR")))
    assert (back.reason, back.metadata) == ("CHAMP_REQUIS", {"champ": "siren"})


async def test_R19_the_address_in_the_directory_changes_with_the_siren(
    entreprises: ClientEntrepriseServiceStub,
) -> None:
    """An electronic address must begin with the SIREN that is or will be stored."""
    sheet = await entreprises.Create(new(adresse_electronique=f"0225:{DANONE}_compta"))
    assert sheet.adresse_electronique == f"0225:{DANONE}_compta"
    alone = await refusal(entreprises.Update(update(sheet, siren=OCTO)))
    assert (alone.reason, alone.metadata) == ("FORMAT_INVALIDE", {"champ": "adresse_electronique"})
    both = await entreprises.Update(update(sheet, siren=OCTO, adresse_electronique=f"0225:{OCTO}"))
    assert both.adresse_electronique == f"0225:{OCTO}"
    cleared = await entreprises.Update(update(sheet, adresse_electronique=""))
    assert (cleared.adresse_electronique, cleared.version) == ("", 3)


@pytest.mark.parametrize("field", ["raison_sociale", "siren", "pays"])
async def test_C09_what_every_sheet_has_cannot_be_cleared(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise, field: str
) -> None:
    """Clearing a mandatory field is CHAMP_REQUIS with the field."""
    answer = await refusal(entreprises.Update(update(danone, **{field: ""})))
    assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": field})


async def test_C09_a_change_of_nothing_is_none(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise
) -> None:
    """Other spellings of the stored values keep version and updated_at."""
    request = update(
        danone, raison_sociale=" Danone ", siren="552 032 534", numero_tva="fr27552032534", version=1
    )
    assert danone == await entreprises.Update(request)
    answer = await refusal(entreprises.Update(update(danone, raison_sociale="Danone", version=7)))
    assert (answer.code, answer.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


@pytest.mark.parametrize(
    ("search", "expected"),
    [("DANO", ["Danone"]), ("8166", ["Octo"]), ("o", ["Danone", "Octo"]), ("%", []), ("' OR 1=1 --", [])],
)
async def test_search_looks_in_name_and_siren(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise, search: str, expected: list[str]
) -> None:
    """A search finds substrings of name and SIREN in any case; sheets are sorted by name."""
    await entreprises.Create(new(OCTO, raison_sociale="Octo"))
    listed = await entreprises.List(pb.ListClientEntreprisesRequest(search=search))
    assert [sheet.raison_sociale for sheet in listed.clients] == expected


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_C08_both_directions_walk_all_sheets_once(
    entreprises: ClientEntrepriseServiceStub, danone: pb.ClientEntreprise, order: str
) -> None:
    """Pages of one meet each sheet once, namesakes included, with the total on each page."""
    for siren, name in ((OCTO, "Danone"), ("732829320", "Alpha"), ("443061841", "Google")):
        await entreprises.Create(new(siren, raison_sociale=name))
    request = pb.ListClientEntreprisesRequest(
        pagination=Pagination(page_size=1, sort_order=order, with_total=True)
    )
    walked = [page async for page in pages(entreprises.List, request)]
    names = [sheet.raison_sociale for page in walked for sheet in page.clients]
    assert names == sorted(["Alpha", "Danone", "Danone", "Google"], reverse=order == "desc")
    assert {page.pagination.total for page in walked} == {4}
