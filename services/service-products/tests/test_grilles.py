"""GrilleTarifaireService: price grids, the default one, and the one that applies on a day (R10, R11)."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from crm.common.common_pb2 import Pagination
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GrilleTarifaireServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_products.models import PrixProduit, Produit
from service_testing import Mesh, refusal, refused
from tests.making import Catalogue, item

PRECONDITION = StatusCode.FAILED_PRECONDITION
ETE: dict[str, Any] = {"date_debut": "2026-07-01", "date_fin": "2026-08-31"}


def default(grille: pb.GrilleTarifaire) -> pb.SetParDefautRequest:
    """Request that makes *grille* the default one."""
    return pb.SetParDefautRequest(id=grille.id)


def on(day: str) -> pb.GetActiveGrilleTarifaireRequest:
    """Request for the grid of *day*."""
    return pb.GetActiveGrilleTarifaireRequest(date=day)


async def defaults(grilles: GrilleTarifaireServiceStub) -> list[str]:
    """The names of the default grids."""
    answer = await grilles.List(pb.ListGrilleTarifairesRequest(est_par_defaut=True))
    return [grille.nom for grille in answer.grilles]


async def test_R11_a_grid_is_read_as_it_was_made(grilles: GrilleTarifaireServiceStub, org: str) -> None:
    """Active; an Update changes what it carries."""
    made = await grilles.Create(pb.CreateGrilleTarifaireRequest(nom="Été", description="Soldes", **ETE))
    expected = pb.GrilleTarifaire(
        id=made.id,
        organisation_id=org,
        nom="Été",
        description="Soldes",
        actif=True,
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
        **ETE,
    )
    assert expected == made
    update = pb.UpdateGrilleTarifaireRequest(id=made.id, description="", date_fin="", actif=False)
    changed = await grilles.Update(update)
    assert (changed.description, changed.date_debut, changed.date_fin) == ("", "2026-07-01", "")
    assert (changed.actif, changed.version) == (False, 2)


async def test_R11_a_name_occurs_once(catalogue: Catalogue) -> None:
    """Compared by its key."""
    ete = await catalogue.grille(nom="Été")
    answer = await refusal(catalogue.grille(nom="ETE"))
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_grille_nom", "id": ete.id},
    )


async def test_R11_a_new_default_grid_replaces_the_former(catalogue: Catalogue) -> None:
    """At its creation or later; the former one has another version."""
    first = await catalogue.grille(nom="A", est_par_defaut=True)
    second = await catalogue.grille(nom="B", est_par_defaut=True)
    assert (second.est_par_defaut, await defaults(catalogue.grilles)) == (True, ["B"])
    again = await catalogue.grilles.SetParDefaut(default(first))
    assert (again.est_par_defaut, again.version, await defaults(catalogue.grilles)) == (True, 3, ["A"])
    assert await catalogue.grilles.SetParDefaut(default(first)) == again


async def test_R11_ten_choices_at_once_leave_one_default(catalogue: Catalogue) -> None:
    """Nobody is refused, new default grids and changes of names among them."""
    made = [await catalogue.grille(est_par_defaut=True) for _ in range(10)]
    calls: list[Awaitable[Any]] = [
        *(catalogue.grilles.SetParDefaut(default(grille)) for grille in made),
        *(catalogue.grille(est_par_defaut=True) for _ in range(3)),
        *(
            catalogue.grilles.Update(pb.UpdateGrilleTarifaireRequest(id=one.id, nom=f"N{one.nom}"))
            for one in made
        ),
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = {answer.code() for answer in answers if isinstance(answer, AioRpcError)}
    assert (refusals, len(await defaults(catalogue.grilles))) == (set(), 1)


async def test_R11_the_default_grid_is_active(catalogue: Catalogue) -> None:
    """It cannot be switched off; one that is switched off cannot become it."""
    first, second = await catalogue.grille(est_par_defaut=True), await catalogue.grille(nom="B")
    off = [pb.UpdateGrilleTarifaireRequest(id=grille.id, actif=False) for grille in (first, second)]
    assert await refused(catalogue.grilles.Update(off[0])) == (PRECONDITION, "GRILLE_PAR_DEFAUT")
    await catalogue.grilles.Update(off[1])
    assert await refused(catalogue.grilles.SetParDefaut(default(second))) == (PRECONDITION, "GRILLE_INACTIVE")
    assert await defaults(catalogue.grilles) == [first.nom]


async def test_R11_of_a_choice_and_a_switch_at_once_one_fails(catalogue: Catalogue) -> None:
    """No default grid is inactive."""
    for _ in range(5):
        grille = await catalogue.grille()
        off = pb.UpdateGrilleTarifaireRequest(id=grille.id, actif=False)
        answers = await asyncio.gather(
            catalogue.grilles.SetParDefaut(default(grille)),
            catalogue.grilles.Update(off),
            return_exceptions=True,
        )
        assert [answer.code() for answer in answers if isinstance(answer, AioRpcError)] == [PRECONDITION]


async def test_R11_another_organisation_has_its_own_default(
    catalogue: Catalogue, foreign_grilles: GrilleTarifaireServiceStub
) -> None:
    """And does not choose for others."""
    ours = await catalogue.grille(nom="A", est_par_defaut=True)
    await foreign_grilles.Create(pb.CreateGrilleTarifaireRequest(nom="A", est_par_defaut=True))
    assert await refused(foreign_grilles.SetParDefaut(default(ours))) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert await defaults(catalogue.grilles) == await defaults(foreign_grilles) == ["A"]


async def test_R11_grids_are_listed_by_name_or_first_day(catalogue: Catalogue) -> None:
    """Those without a first day come first."""
    await catalogue.grille(nom="Zone")
    await catalogue.grille(nom="été", **ETE)
    hiver = await catalogue.grille(nom="Hiver", date_debut="2026-01-01")
    await catalogue.grilles.Update(pb.UpdateGrilleTarifaireRequest(id=hiver.id, actif=False))
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["été", "Hiver", "Zone"]),
        ({"pagination": Pagination(sort_by="date_debut")}, ["Zone", "Hiver", "été"]),
        ({"actif": True}, ["été", "Zone"]),
        ({"actif": False, "est_par_defaut": False}, ["Hiver"]),
    ]
    for fields, noms in expected:
        answer = await catalogue.grilles.List(pb.ListGrilleTarifairesRequest(**fields))
        assert [grille.nom for grille in answer.grilles] == noms


GRIDS: dict[str, dict[str, Any]] = {
    "défaut": {"est_par_defaut": True, "date_fin": "2027-12-31"},
    "sans dates": {},
    "été": ETE,
    "juillet": {"date_debut": "2026-07-14", "date_fin": "2026-07-31"},
    "juillet aussi": {"date_debut": "2026-07-14", "date_fin": "2026-07-20"},
    "future": {"date_debut": "2028-01-01"},
}


@pytest.mark.parametrize(
    ("names", "day", "expected"),
    [
        (("défaut", "été"), "2026-06-30", "défaut"),
        (("défaut", "été"), "2026-07-01", "été"),
        (("défaut", "été"), "2026-08-31", "été"),
        (("défaut", "été"), "2026-09-01", "défaut"),
        (("été", "juillet"), "2026-07-13", "été"),
        (("juillet", "été"), "2026-07-14", "juillet"),  # the latest beginning, not the newest grid
        (("juillet aussi", "juillet"), "2026-07-20", "juillet"),  # equal so far: the newest
        (("défaut", "sans dates"), "2026-06-30", "défaut"),
        (("sans dates", "défaut"), "2028-06-30", "sans dates"),  # the default one is over
        (("défaut", "juillet"), "2028-06-30", "défaut"),  # none is valid
        (("juillet",), "2028-06-30", ""),
        (("future",), "", ""),
        ((), "2026-06-30", ""),
    ],
)
async def test_R10_the_grid_of_a_day(
    catalogue: Catalogue, names: tuple[str, ...], day: str, expected: str
) -> None:
    """Of grids that were made in this order; "" stands for none."""
    for name in names:
        await catalogue.grille(nom=name, **GRIDS[name])
    try:
        chosen = (await catalogue.grilles.GetActive(on(day))).nom
    except AioRpcError:
        chosen = ""
        assert await refused(catalogue.grilles.GetActive(on(day))) == (StatusCode.NOT_FOUND, "AUCUNE_GRILLE")
    assert chosen == expected


async def test_R10_an_inactive_grid_never_applies(
    catalogue: Catalogue, foreign_grilles: GrilleTarifaireServiceStub
) -> None:
    """Nor does that of another organisation."""
    grille = await catalogue.grille()
    await catalogue.grilles.Update(pb.UpdateGrilleTarifaireRequest(id=grille.id, actif=False))
    await foreign_grilles.Create(pb.CreateGrilleTarifaireRequest(nom="A", est_par_defaut=True))
    assert await refused(catalogue.grilles.GetActive(on(""))) == (StatusCode.NOT_FOUND, "AUCUNE_GRILLE")


async def test_R10_the_grid_of_today_comes_with_its_prices(catalogue: Catalogue) -> None:
    """Those of the oldest products first, inactive ones included."""
    today = clock.today().isoformat()
    grille = await catalogue.grille(date_debut=today, date_fin=today)
    first, second = await catalogue.produit(), await catalogue.produit()
    prices = await catalogue.set(grille, item(second, 20, prix_minimum=0), item(first, 10.5, actif=False))
    answer = await catalogue.grilles.GetActive(on(""))
    assert (answer.id, list(answer.prix), answer.prix_incomplets) == (
        grille.id,
        list(prices.prix)[::-1],
        False,
    )
    assert [one.HasField("prix_minimum") for one in answer.prix] == [False, True]


async def test_R10_a_grid_tells_the_first_thousand_prices(mesh: Mesh, catalogue: Catalogue, org: str) -> None:
    """And that there are more."""
    grille = await catalogue.grille()
    grille_id = UUID(grille.id)
    async with mesh.database("products").transaction() as tx:
        for number in range(1_001):
            produit = Produit(organisation_id=org, sku=f"N{number}", nom="Produit")
            await tx.insert(produit)
            await tx.insert(
                PrixProduit(
                    organisation_id=org,
                    grille_tarifaire_id=grille_id,
                    produit_id=produit.id,
                    prix_unitaire=Decimal(number),
                )
            )
    answer = await catalogue.grilles.GetActive(on(""))
    assert ([one.prix_unitaire for one in answer.prix], answer.prix_incomplets) == (list(range(1_000)), True)
