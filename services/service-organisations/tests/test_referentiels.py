"""ReferentielService: reference lists of the system, and the own entries of an organisation."""

import asyncio
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import ReferentielServiceStub
from grpc import StatusCode
from service_testing import Mesh, pages, refusal, refused

TERMS = "CONDITION_PAIEMENT"
SUPPLIED = {
    "CONDITION_PAIEMENT": ["RECEPTION", "J15", "J30", "J30_FDM", "J45", "J60"],
    "PERIODE_FACTURATION": ["MENSUELLE", "TRIMESTRIELLE", "SEMESTRIELLE", "ANNUELLE", "UNIQUE"],
    "EMISSION_FACTURE": ["AUTOMATIQUE", "MANUELLE"],
    "FACTURATION_PAR": ["SOCIETE", "ORGANISATION"],
}


def own(code: str = "J10", **fields: Any) -> pb.UpsertEntreeRequest:
    """Request for a term of payment."""
    return pb.UpsertEntreeRequest(**({"famille": TERMS, "code": code, "nom": "10 jours"} | fields))


def deletion(code: str, famille: str = TERMS) -> pb.DeleteEntreeRequest:
    """Request that deletes the entry of *code*."""
    return pb.DeleteEntreeRequest(famille=famille, code=code)


async def codes(referentiels: ReferentielServiceStub, famille: str = TERMS, **fields: Any) -> list[str]:
    """Codes of all pages, in order."""
    request = pb.ListEntreesRequest(famille=famille, **fields)
    return [entree.code async for page in pages(referentiels.List, request) for entree in page.entrees]


@pytest.mark.parametrize("famille", SUPPLIED)
async def test_R13_the_system_supplies_four_lists(referentiels: ReferentielServiceStub, famille: str) -> None:
    """Each list offers the supplied codes in their order."""
    assert await codes(referentiels, famille) == SUPPLIED[famille]


async def test_R13_the_terms_of_the_system(referentiels: ReferentielServiceStub) -> None:
    """Supplied terms have their delays and belong to no organisation."""
    listed = (await referentiels.List(pb.ListEntreesRequest(famille=TERMS))).entrees
    delays = {entree.code: (entree.delai_jours, entree.fin_de_mois) for entree in listed}
    assert delays == {
        "RECEPTION": (0, False),
        "J15": (15, False),
        "J30": (30, False),
        "J30_FDM": (30, True),
        "J45": (45, False),
        "J60": (60, False),
    }
    assert {entree.organisation_id for entree in listed} == {""}


async def test_R13_an_own_entry_hides_that_of_the_system(
    mesh: Mesh, referentiels: ReferentielServiceStub, org: str
) -> None:
    """An own entry replaces the supplied one for its organisation, until it is deleted."""
    mine = await referentiels.Upsert(own("J30", nom="Trente", delai_jours=31, ordre=5))
    expected = pb.Entree(
        organisation_id=org, famille=TERMS, code="J30", nom="Trente", delai_jours=31, ordre=5
    )
    first = (await referentiels.List(pb.ListEntreesRequest(famille=TERMS))).entrees[0]
    assert expected == mine == first
    assert await codes(referentiels) == ["J30", "RECEPTION", "J15", "J30_FDM", "J45", "J60"]
    theirs = mesh.stub(ReferentielServiceStub, organisation=f"{org}-autre")
    assert await codes(theirs) == SUPPLIED[TERMS]
    assert (await referentiels.Delete(deletion("J30"))).success
    assert await codes(referentiels) == SUPPLIED[TERMS]


async def test_R13_a_code_hides_only_in_its_family(referentiels: ReferentielServiceStub) -> None:
    """An own entry hides nothing in another list."""
    await referentiels.Upsert(own("UNIQUE", famille="EMISSION_FACTURE", ordre=30))
    assert await codes(referentiels, "PERIODE_FACTURATION") == SUPPLIED["PERIODE_FACTURATION"]
    assert await codes(referentiels, "EMISSION_FACTURE") == ["AUTOMATIQUE", "MANUELLE", "UNIQUE"]


async def test_C06_without_an_organisation_users_list_nothing(
    mesh: Mesh, referentiels: ReferentielServiceStub, org: str
) -> None:
    """A service that names an organisation is offered its lists."""
    await referentiels.Upsert(own("J30", ordre=100))
    nowhere = mesh.stub(ReferentielServiceStub, organisation="")
    inside = mesh.service_stub(ReferentielServiceStub, caller="organisations")
    assert await codes(nowhere) == []
    assert (await codes(inside, organisation_id=org))[-1] == "J30"
    assert await refused(nowhere.Upsert(own())) == (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")
    assert not (await nowhere.Delete(deletion("J30"))).success


async def test_R14_upsert_creates_then_replaces(referentiels: ReferentielServiceStub) -> None:
    """A second Upsert of a code replaces all of the former content."""
    first = await referentiels.Upsert(own(description="Rapide", delai_jours=10, fin_de_mois=True, ordre=1))
    assert (first.description, first.fin_de_mois) == ("Rapide", True)
    second = await referentiels.Upsert(own(nom="Dix", delai_jours=365))
    assert (second.nom, second.description, second.delai_jours, second.fin_de_mois) == ("Dix", "", 365, False)
    assert (await codes(referentiels)).count("J10") == 1


async def test_R14_parallel_upserts_make_one_row(referentiels: ReferentielServiceStub) -> None:
    """Twenty Upserts of a code at once all succeed and leave one row."""
    await asyncio.gather(*(referentiels.Upsert(own(delai_jours=days)) for days in range(20)))
    assert (await codes(referentiels)).count("J10") == 1


async def test_R14_upserts_and_deletions_do_not_disturb_each_other(
    referentiels: ReferentielServiceStub,
) -> None:
    """An entry that is deleted while it is replaced is made anew."""
    calls = [referentiels.Upsert(own()) for _ in range(15)]
    deletions = [referentiels.Delete(deletion("J10")) for _ in range(15)]
    await asyncio.gather(*(call for pair in zip(calls, deletions, strict=True) for call in pair))
    assert (await referentiels.Upsert(own())).code == "J10"


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"famille": ""}, "CHAMP_REQUIS", "famille"),
        ({"famille": "DEVISE"}, "VALEUR_INCONNUE", "famille"),
        ({"code": ""}, "CHAMP_REQUIS", "code"),
        ({"code": "x" * 51}, "TROP_LONG", "code"),
        ({"nom": ""}, "CHAMP_REQUIS", "nom"),
        ({"nom": "x" * 101}, "TROP_LONG", "nom"),
        ({"delai_jours": -1}, "FORMAT_INVALIDE", "delai_jours"),
        ({"delai_jours": 366}, "FORMAT_INVALIDE", "delai_jours"),
        ({"famille": "EMISSION_FACTURE", "delai_jours": 1}, "DELAI_INTERDIT", "delai_jours"),
        ({"famille": "FACTURATION_PAR", "fin_de_mois": True}, "DELAI_INTERDIT", "fin_de_mois"),
    ],
)
async def test_R14_upsert_names_the_field_at_fault(
    referentiels: ReferentielServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """A refused Upsert is INVALID_ARGUMENT with reason and field, and stores nothing."""
    answer = await refusal(referentiels.Upsert(own(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert await codes(referentiels) == SUPPLIED[TERMS]


async def test_R14_entries_of_the_system_stay(referentiels: ReferentielServiceStub) -> None:
    """Deleting a supplied code is REFERENTIEL_SYSTEME, an unknown one success=false."""
    supplied = (StatusCode.FAILED_PRECONDITION, "REFERENTIEL_SYSTEME")
    assert await refused(referentiels.Delete(deletion("J30"))) == supplied
    assert not (await referentiels.Delete(deletion("J10"))).success
    assert await codes(referentiels) == SUPPLIED[TERMS]


async def test_lists_are_searched_and_sorted(referentiels: ReferentielServiceStub) -> None:
    """A search finds words in code and name; lists are sorted by order or by name."""
    await referentiels.Upsert(own("J10", ordre=10, nom="10 jours dès accord"))
    assert await codes(referentiels, search="fdm") == ["J30_FDM"]
    assert await codes(referentiels, search="JOURS 15") == ["J15"]
    assert await codes(referentiels, search="des jours") == ["J10"]
    by_name = Pagination(sort_by="nom", page_size=2)
    assert (await codes(referentiels, pagination=by_name))[:3] == ["J10", "J15", "J30"]
    assert (await refusal(referentiels.List(pb.ListEntreesRequest(famille="devise")))).metadata == {
        "champ": "famille"
    }
