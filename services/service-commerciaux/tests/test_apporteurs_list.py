"""ApporteurService/List: filters, searches and sorts."""

from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.common.common_pb2 import Pagination
from tests.equipe import New


@pytest.fixture
async def team(apporteurs: ApporteurServiceStub, new: New) -> ApporteurServiceStub:
    """Élan manages Petit; Bernard is inactive."""
    elan = await new("Élan", "Zoé", type_apporteur="MANAGER")
    await new("Petit", "Luc", societe_id="soc-1", manager_id=elan.id, email="luc@exemple.fr")
    bernard = await new("bernard", "Anne", societe_id="soc-1")
    await apporteurs.Desactiver(pb.DesactiverApporteurRequest(id=bernard.id))
    return apporteurs


async def names(team: ApporteurServiceStub, **fields: Any) -> list[str]:
    """Names in the list of *fields*, in its order."""
    return [one.nom for one in (await team.List(pb.ListApporteursRequest(**fields))).apporteurs]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["Bernard", "Élan", "Petit"]),
        ({"actif": True}, ["Élan", "Petit"]),
        ({"actif": False}, ["Bernard"]),
        ({"type_apporteur": "MANAGER"}, ["Élan"]),
        ({"societe_id": "soc-1"}, ["Bernard", "Petit"]),
        ({"societe_id": "soc-1", "actif": True}, ["Petit"]),
        ({"manager_id": "pas-un-identifiant"}, []),
    ],
)
async def test_R06_a_list_is_filtered(
    team: ApporteurServiceStub, fields: dict[str, Any], expected: list[str]
) -> None:
    """Active and inactive apporteurs are listed unless `actif` is present; filters go together."""
    assert await names(team, **fields) == expected


async def test_a_list_has_those_of_a_manager(team: ApporteurServiceStub) -> None:
    """The filter takes the id of a manager."""
    (elan,) = (await team.List(pb.ListApporteursRequest(type_apporteur="MANAGER"))).apporteurs
    assert await names(team, manager_id=elan.id) == ["Petit"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [("elan zoe", ["Élan"]), ("LUC@", ["Petit"]), ("anne BER", ["Bernard"]), ("soc-1", [])],
)
async def test_names_and_emails_are_searched(
    team: ApporteurServiceStub, search: str, expected: list[str]
) -> None:
    """Words are found in nom, prenom and email."""
    assert await names(team, search=search) == expected


@pytest.mark.parametrize(
    ("sort_by", "expected"),
    [
        ("nom", ["Bernard", "Élan", "Petit"]),
        ("prenom", ["Bernard", "Petit", "Élan"]),
        ("created_at", ["Élan", "Petit", "Bernard"]),
    ],
)
async def test_a_list_has_three_sorts(team: ApporteurServiceStub, sort_by: str, expected: list[str]) -> None:
    """By nom, prenom or creation, each in both directions."""
    assert await names(team, pagination=Pagination(sort_by=sort_by)) == expected
    backwards = Pagination(sort_by=sort_by, sort_order="desc")
    assert await names(team, pagination=backwards) == expected[::-1]
