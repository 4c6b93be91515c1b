"""Sources that are silent: the last answers of 24 hours at most, else nothing, and the RPC is OK (R24)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from crm.clients.clients_pb2_grpc import ClientBaseServiceServicer
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceServicer
from crm.contrats.contrats_pb2_grpc import StatistiquesContratServiceServicer
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import (
    DashboardKpisServiceStub,
    KpisCommerciauxServiceStub,
    RepartitionProduitsServiceStub,
    StatsSocietesServiceStub,
)
from db_utils.clock import frozen_at
from service_dashboard.models import Instantane
from service_dashboard.service import SERVICE
from service_dashboard.sources import RETENTION
from service_testing import Mesh, running
from sqlalchemy import select
from tests.clients_vus import seen
from tests.factures_vues import issued
from tests.marche import NOW, Ventes

ANSWER_WITHIN = 4.0  # seconds (section 6 of the brief of this service, rule R24)


async def kpis(ventes: Ventes, **filters: Any) -> Any:
    """The indicators of the organisation."""
    return await ventes.ask(DashboardKpisServiceStub, "GetKpis", **filters)


def missing(answer: Any) -> tuple[bool, list[str]]:
    """What the answer says of its sources."""
    return answer.donnees_partielles, list(answer.sources_indisponibles)


async def test_R24_contrats_is_down_its_last_answer_stands(ventes: Ventes) -> None:
    """The day before it told of one contract; what the dashboard counts itself is of now."""
    await ventes.active("2026-04-05", 20)
    assert missing(await kpis(ventes, now=NOW - timedelta(hours=23))) == (False, [])
    async with ventes.mesh.without("contrats"):
        await seen(ventes.mesh, ventes.org, NOW)
        await issued(ventes.mesh, ventes.org, NOW, date_echeance=NOW.date() - timedelta(days=1))
        answer = await kpis(ventes)
    assert (answer.contrats_actifs, answer.mrr) == (1, 20)
    assert (answer.nouveaux_clients, answer.taux_impayes) == (1, 100)
    assert missing(answer) == (True, ["contrats"])
    await ventes.back("contrats")
    assert missing(await kpis(ventes)) == (False, [])


async def test_R24_without_a_last_answer_figures_of_contracts_are_zero(ventes: Ventes) -> None:
    """A day later the last one is too old."""
    await ventes.active("2026-04-05", 20)
    await kpis(ventes, now=NOW - timedelta(hours=25))
    async with ventes.mesh.without("contrats"):
        answer = await kpis(ventes)
    await ventes.back("contrats")
    assert (answer.contrats_actifs, answer.mrr, missing(answer)) == (0, 0, (True, ["contrats"]))


async def test_R24_the_last_answer_is_that_of_the_organisation(ventes: Ventes) -> None:
    """Another organisation that asks the same question gets nothing of it."""
    await ventes.active("2026-04-05", 20)
    await kpis(ventes)
    async with ventes.mesh.without("contrats"):
        answer = await kpis(Ventes(ventes.mesh, f"{ventes.org}-autre"))
    await ventes.back("contrats")
    assert answer.contrats_actifs == 0


async def test_R08_R24_names_are_missing_when_products_is_down(ventes: Ventes) -> None:
    """The last names stand; a product that was not asked for before is told by its id."""
    produit_id = await ventes.produit("Box fibre")
    await ventes.signed("2026-04-05", produit_id=produit_id)
    ask = partial(ventes.ask, RepartitionProduitsServiceStub, "GetRepartitionProduits")
    await ask()
    async with ventes.mesh.without("products"):
        known, unknown = await ask(), await ask(date_debut="2026-04-04")
    await ventes.back("products")
    assert [one.nom_produit for one in known.produits] == ["Box fibre"]
    assert [one.nom_produit for one in unknown.produits] == [f"Produit {produit_id}"]
    assert missing(known) == missing(unknown) == (True, ["products"])


async def test_R09_R24_societes_are_those_of_the_last_list_when_organisations_is_down(
    ventes: Ventes,
) -> None:
    """Without one the list is empty."""
    societe_id = await ventes.societe("Nord")
    ask = partial(ventes.ask, StatsSocietesServiceStub, "GetStatsSocietes")
    await ask()
    async with ventes.mesh.without("organisations"):
        known = await ask()
        unknown = await Ventes(ventes.mesh, f"{ventes.org}-autre").ask(
            StatsSocietesServiceStub, "GetStatsSocietes"
        )
    await ventes.back("organisations")
    assert [(one.societe_id, one.nom_societe) for one in known.societes] == [(societe_id, "Nord")]
    assert (unknown.total, missing(known), missing(unknown)) == (
        0,
        (True, ["organisations"]),
        (True, ["organisations"]),
    )


@pytest.mark.parametrize("away", ["commerciaux", "clients"])
async def test_R13_R24_rankings_are_the_last_ones_when_a_source_is_down(ventes: Ventes, away: str) -> None:
    """Another organisation, of which nothing is known, has empty ones."""
    await _seller(ventes)
    other = Ventes(ventes.mesh, f"{ventes.org}-autre")
    await _seller(other)
    ask = partial(ventes.ask, KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    before = await ask()
    async with ventes.mesh.without(away):
        known = await ask()
        unknown = await other.ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    await ventes.back(away)
    assert [one.valeur for one in known.classement_par_conversion] == [100]
    assert list(known.classement_par_ca) == list(before.classement_par_ca)
    assert (list(unknown.classement_par_conversion), missing(known)) == ([], (True, [away]))


async def test_R11_R24_the_rate_of_conversion_is_zero_when_contrats_is_down(ventes: Ventes) -> None:
    """Rankings are the last ones; the rate would be that of no day."""
    await _seller(ventes)
    await seen(ventes.mesh, ventes.org, NOW - timedelta(days=1))
    ask = partial(ventes.ask, KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    before = await ask()
    async with ventes.mesh.without("contrats"):
        answer = await ask()
    await ventes.back("contrats")
    assert (before.taux_conversion, answer.taux_conversion) == (100, 0)
    assert answer.taux_conversion_variation == pb.Variation(tendance="stable")
    assert [one.valeur for one in answer.classement_par_ventes] == [1]


async def test_R13_R24_without_any_answer_of_contrats_nobody_is_ranked(ventes: Ventes) -> None:
    """Zeros for everybody would be no ranking."""
    await ventes.apporteur("Ada", "Martin")
    async with ventes.mesh.without("contrats"):
        answer = await ventes.ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    await ventes.back("contrats")
    assert (list(answer.classement_par_ventes), missing(answer)) == ([], (True, ["contrats"]))


async def test_R24_answers_are_kept_without_what_they_say_of_persons(ventes: Ventes) -> None:
    """Names of apporteurs are kept, nothing else of them; each answer at most once a minute."""
    apporteur_id = await _seller(ventes)
    await ventes.ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    await ventes.ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux", now=NOW + timedelta(seconds=50))
    kept = {one.cle: one for one in await _instantanes(ventes)}
    assert kept["commerciaux:apporteurs"].valeur == {apporteur_id: "Ada Martin"}
    assert {one.pris_le for one in kept.values()} == {NOW}
    await ventes.ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux", now=NOW + timedelta(seconds=70))
    assert {one.pris_le for one in await _instantanes(ventes)} == {NOW + timedelta(seconds=70)}


def test_R24_answers_are_kept_for_a_day() -> None:
    """The hourly job takes older ones away."""
    assert (RETENTION.model, RETENTION.kept) == (Instantane, timedelta(hours=24))


async def _seller(ventes: Ventes) -> str:
    """An apporteur with one client and one contract."""
    apporteur_id = await ventes.apporteur("Ada", "Martin")
    await ventes.client_of(apporteur_id, "Dupont")
    await ventes.signed("2026-04-05", commercial_id=apporteur_id)
    return apporteur_id


async def _instantanes(ventes: Ventes) -> list[Instantane]:
    mine = select(Instantane).where(Instantane.organisation_id == ventes.org)
    return await ventes.mesh.database("dashboard").read().all(mine)


async def _for_ever(self: object, request: object, context: object) -> Any:
    await asyncio.Event().wait()


def silent(kind: Any) -> object:
    """A servicer of *kind* that takes every call and answers none."""
    methods = {name: _for_ever for name in vars(kind) if name[0].isupper()}
    return type("Silent", (kind,), methods)()


@pytest.fixture
async def silence() -> AsyncIterator[Mesh]:
    """The dashboard amid real servers that take its calls and never answer them."""
    doubles = {
        "contrats": [silent(StatistiquesContratServiceServicer)],
        "commerciaux": [silent(ApporteurServiceServicer)],
        "clients": [silent(ClientBaseServiceServicer)],
    }
    async with running(SERVICE, doubles=doubles, user_sync_enabled=False) as mesh:
        for name in doubles:
            await Ventes(mesh, "").back(name)
        yield mesh


async def test_R24_an_answer_comes_within_four_seconds_when_nobody_answers_the_dashboard(
    silence: Mesh, org: str
) -> None:
    """Clients are asked about those whom the last answers of the others name: one wait after the other."""
    await _kept(
        silence, org, "contrats:2026-04-01::", {"parCommercial": [{"commercialId": "a", "nombre": 3}]}
    )
    await _kept(silence, org, "commerciaux:apporteurs", {"a": "Ada Martin"})
    await seen(silence, org, NOW)
    async with asyncio.timeout(ANSWER_WITHIN):
        answer = await Ventes(silence, org).ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux")
    assert [(one.nom_complet, one.valeur) for one in answer.classement_par_ventes] == [("Ada Martin", 3)]
    assert answer.nouveaux_clients_mois == 1
    assert missing(answer) == (True, ["clients", "commerciaux", "contrats"])


async def _kept(mesh: Mesh, org: str, cle: str, valeur: dict[str, Any], pris_le: datetime = NOW) -> None:
    with frozen_at(pris_le):
        async with mesh.database("dashboard").transaction() as tx:
            await tx.insert(Instantane(organisation_id=org, cle=cle, valeur=valeur, pris_le=pris_le))
