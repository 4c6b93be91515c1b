"""TypeActiviteService: types of the system and of an organisation (R1, R2, R3)."""

import asyncio
from typing import Any

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import ActiviteServiceStub, TypeActiviteServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, refusal, refused
from tests.requetes import new_activite, new_type

SYSTEM = {"APPEL": "Appel", "EMAIL": "E-mail", "NOTE": "Note", "REUNION": "Réunion", "TACHE": "Tâche"}
TAKEN = "uq_type_activite_code"


async def listed(types: TypeActiviteServiceStub) -> dict[str, pb.TypeActivite]:
    """The types that an activity may have, by code, in the order of the list."""
    return {kind.code: kind for kind in (await types.List(pb.ListTypesActiviteRequest())).types}


def deletion(kind: pb.TypeActivite) -> pb.DeleteTypeActiviteRequest:
    """Request that deletes *kind*."""
    return pb.DeleteTypeActiviteRequest(id=kind.id)


def update(kind: pb.TypeActivite, **fields: Any) -> pb.UpdateTypeActiviteRequest:
    """Request that changes *fields* of *kind*."""
    return pb.UpdateTypeActiviteRequest(id=kind.id, **fields)


@pytest.fixture
async def visite(types: TypeActiviteServiceStub) -> pb.TypeActivite:
    """Type that the organisation has added."""
    return await types.Create(new_type("visite", description="Chez le client"))


async def test_R02_the_system_supplies_five_types(types: TypeActiviteServiceStub) -> None:
    """By name, without an organisation."""
    supplied = await listed(types)
    assert {code: kind.nom for code, kind in supplied.items()} == SYSTEM
    assert list(supplied) == ["APPEL", "EMAIL", "NOTE", "REUNION", "TACHE"]
    assert {kind.organisation_id for kind in supplied.values()} == {""}


async def test_R01_a_code_is_stored_in_capitals(org: str, visite: pb.TypeActivite) -> None:
    """The answer is the whole type."""
    expected = pb.TypeActivite(
        id=visite.id,
        organisation_id=org,
        code="VISITE",
        nom="Visite",
        description="Chez le client",
        created_at=visite.created_at,
        updated_at=visite.created_at,
        version=1,
    )
    assert expected == visite


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"code": ""}, "CHAMP_REQUIS", "code"),
        ({"code": "visite à"}, "FORMAT_INVALIDE", "code"),
        ({"code": "DÉJEUNER"}, "FORMAT_INVALIDE", "code"),
        ({"code": "A" * 51}, "FORMAT_INVALIDE", "code"),
        ({"nom": " "}, "CHAMP_REQUIS", "nom"),
        ({"nom": "x" * 101}, "TROP_LONG", "nom"),
    ],
)
async def test_R01_a_code_has_letters_digits_and_underscores(
    types: TypeActiviteServiceStub, fields: dict[str, str], reason: str, champ: str
) -> None:
    """The refusal names the field, and nothing is stored."""
    answer = await refusal(types.Create(new_type(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert list(await listed(types)) == list(SYSTEM)


async def test_R01_a_code_occurs_once(types: TypeActiviteServiceStub, visite: pb.TypeActivite) -> None:
    """A code that is taken is refused with the id of its type; one of ten calls at once succeeds."""
    answer = await refusal(types.Create(new_type("Visite", nom="Autre")))
    assert (answer.reason, answer.metadata) == ("EXISTE_DEJA", {"contrainte": TAKEN, "id": visite.id})
    calls = [types.Create(new_type("SALON")) for _ in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert refusals == [StatusCode.ALREADY_EXISTS] * 9


async def test_R01_codes_of_the_system_are_taken(types: TypeActiviteServiceStub) -> None:
    """In small letters too."""
    for code, kind in (await listed(types)).items():
        answer = await refusal(types.Create(new_type(code.lower())))
        assert (answer.code, answer.metadata) == (
            StatusCode.ALREADY_EXISTS,
            {"contrainte": TAKEN, "id": kind.id},
        )


async def test_R01_organisations_have_their_own_codes(
    types: TypeActiviteServiceStub, foreign_types: TypeActiviteServiceStub, visite: pb.TypeActivite
) -> None:
    """Two of them may use one code; neither sees the other's type."""
    other = await foreign_types.Create(new_type())
    assert (await listed(types))["VISITE"] == visite
    assert (await listed(foreign_types))["VISITE"] == other


async def test_R02_a_type_is_found_by_id_or_by_code(
    types: TypeActiviteServiceStub, visite: pb.TypeActivite
) -> None:
    """Those of the system and those of the organisation; codes in any case."""
    appel = (await listed(types))["APPEL"]
    requests: list[dict[str, Any]] = [
        {"id": visite.id},
        {"code": "visite"},
        {"id": "", "code": "VISITE"},
        {"code": "Appel"},
    ]
    found = [await types.Get(pb.GetTypeActiviteRequest(**fields)) for fields in requests]
    assert found == [visite, visite, visite, appel]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")),
        ({"id": "x", "code": "APPEL"}, (StatusCode.INVALID_ARGUMENT, "DESIGNATION_AMBIGUE")),
        ({"code": "RIEN"}, (StatusCode.NOT_FOUND, "INTROUVABLE")),
        ({"code": "x" * 10_000}, (StatusCode.NOT_FOUND, "INTROUVABLE")),
        ({"code": ""}, (StatusCode.NOT_FOUND, "INTROUVABLE")),
    ],
)
async def test_R02_exactly_one_of_id_and_code_is_given(
    types: TypeActiviteServiceStub, fields: dict[str, Any], expected: tuple[StatusCode, str]
) -> None:
    """A code that no type has is answered as an unknown id."""
    assert await refused(types.Get(pb.GetTypeActiviteRequest(**fields))) == expected


async def test_R02_the_code_of_others_is_not_found(
    mesh: Mesh, foreign_types: TypeActiviteServiceStub, visite: pb.TypeActivite
) -> None:
    """By another organisation; a service names the organisation that it asks for."""
    ask = pb.GetTypeActiviteRequest(code=visite.code)
    assert await refused(foreign_types.Get(ask)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    service = mesh.service_stub(TypeActiviteServiceStub, caller="notifications")
    assert await refused(service.Get(ask)) == (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")


async def test_R03_a_type_of_the_system_stays_as_it_is(types: TypeActiviteServiceStub) -> None:
    """Update and Delete are TYPE_SYSTEME."""
    appel = (await listed(types))["APPEL"]
    for call in (types.Update(update(appel, nom="Coup de fil")), types.Delete(deletion(appel))):
        assert await refused(call) == (StatusCode.FAILED_PRECONDITION, "TYPE_SYSTEME")
    assert {code: kind.nom for code, kind in (await listed(types)).items()} == SYSTEM


async def test_R03_a_type_of_the_organisation_changes(
    types: TypeActiviteServiceStub, visite: pb.TypeActivite
) -> None:
    """Its name and its description, which may be cleared."""
    changed = await types.Update(update(visite, nom="Rendez-vous", description=""))
    assert (changed.code, changed.nom, changed.description) == ("VISITE", "Rendez-vous", "")
    empty = await refusal(types.Update(update(visite, nom="")))
    assert (empty.reason, empty.metadata) == ("CHAMP_REQUIS", {"champ": "nom"})


async def test_R03_a_type_in_use_is_kept(
    types: TypeActiviteServiceStub, activites: ActiviteServiceStub, visite: pb.TypeActivite
) -> None:
    """Until the last activity that has it is gone."""
    activite = await activites.Create(new_activite(type_id=visite.id))
    assert await refused(types.Delete(deletion(visite))) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    await activites.Delete(pb.DeleteActiviteRequest(id=activite.id))
    assert [(await types.Delete(deletion(visite))).success for _ in range(2)] == [True, False]


@pytest.mark.parametrize("attempt", range(5))
async def test_R03_a_type_is_not_deleted_while_activities_get_it(
    types: TypeActiviteServiceStub, activites: ActiviteServiceStub, visite: pb.TypeActivite, attempt: int
) -> None:
    """Of calls at once either the deletion is refused, or those about the type that is gone."""
    answers = await asyncio.gather(
        activites.Create(new_activite(type_id=visite.id)),
        types.Delete(deletion(visite)),
        activites.Create(new_activite(type_code="VISITE")),
        return_exceptions=True,
    )
    failures = {answer.code() for answer in answers if isinstance(answer, AioRpcError)}
    users = (await activites.List(pb.ListActivitesRequest(type_id=visite.id))).activites
    assert failures in ({StatusCode.FAILED_PRECONDITION}, {StatusCode.NOT_FOUND})
    assert ("VISITE" in await listed(types)) == bool(users) == (StatusCode.NOT_FOUND not in failures)
