"""Figures of a period: what runs at its ends, what was signed and terminated within (R20)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import (
    ContractOrchestrationServiceStub,
    ContratServiceStub,
    StatistiquesContratServiceStub,
)
from db_utils import clock
from grpc import StatusCode
from service_contrats.expiration import expire_contrats
from service_testing import Mesh, refusal
from tests.en_statut import Contracts


@pytest.fixture
def calendar(mesh: Mesh, org: str) -> Any:
    """Contracts of the organisation as they are made at an instant."""

    @asynccontextmanager
    async def at(text: str) -> AsyncIterator[Contracts]:
        with clock.frozen_at(datetime.fromisoformat(text).replace(tzinfo=UTC)):
            contrats = mesh.stub(ContratServiceStub, organisation=org)
            orchestrations = mesh.stub(ContractOrchestrationServiceStub, organisation=org)
            yield Contracts(mesh, contrats, orchestrations)

    return at


@pytest.fixture
async def year(mesh: Mesh, calendar: Any) -> None:
    """What happened in 2026."""
    async with calendar("2026-01-10T12:00") as made:
        first = await made.active(
            montant=49.90,
            frequence_facturation="MENSUELLE",
            duree_mois=6,
            commercial_id="app-1",
            societe_id="soc-1",
        )
        once = await made.active(montant=80, produit_id="prod-1")
        await made.draft()
    async with calendar("2026-02-28T23:30") as made:  # 1 March in Paris
        second = await made.active(montant=100, frequence_facturation="TRIMESTRIELLE", produit_id="prod-2")
        await made.signed(
            produit_id="", lignes=[{"produit_id": "prod-2", "prix_unitaire": 50}], commercial_id="app-1"
        )
    async with calendar("2026-04-15T12:00") as made:
        await made.suspended(second.id)
    async with calendar("2026-05-15T12:00") as made:
        await made.activated(second.id)
        await made.terminated(once.id, date_resiliation="2026-05-10")
    async with calendar("2026-08-01T12:00"):
        await expire_contrats(mesh["contrats"].app)
    assert first.date_fin == "2026-07-09"


async def figures(
    statistiques: StatistiquesContratServiceStub, debut: str, fin: str, societe_id: str = ""
) -> pb.StatistiquesContrat:
    """The figures of a period."""
    return await statistiques.Get(
        pb.GetStatistiquesContratRequest(date_debut=debut, date_fin=fin, societe_id=societe_id)
    )


@pytest.mark.usefixtures("year")
@pytest.mark.parametrize(
    ("debut", "fin", "expected"),
    [
        ("2026-01-01", "2026-01-31", (0, 2, 2, 0, 49.90)),
        ("2026-01-10", "2026-02-28", (2, 2, 2, 0, 49.90)),
        ("2026-02-01", "2026-03-01", (2, 3, 2, 0, 83.23)),
        ("2026-03-01", "2026-04-14", (3, 3, 2, 0, 83.23)),
        ("2026-04-14", "2026-04-15", (3, 2, 0, 0, 49.90)),
        ("2026-05-01", "2026-05-10", (2, 2, 0, 1, 49.90)),
        ("2026-05-11", "2026-05-31", (2, 2, 0, 0, 83.23)),
        ("2026-07-01", "2026-08-31", (2, 1, 0, 0, 33.33)),
        ("2027-01-01", "2027-01-31", (1, 1, 0, 0, 33.33)),
    ],
)
async def test_R20_a_contract_counts_while_it_is_active(
    statistiques: StatistiquesContratServiceStub, debut: str, fin: str, expected: tuple[float, ...]
) -> None:
    """On a day at whose end it is, in Paris; a suspended, terminated or expired one does not."""
    told = await figures(statistiques, debut, fin)
    assert (told.actifs_debut, told.actifs_fin, told.nouveaux, told.resilies, told.mrr) == expected


@pytest.mark.usefixtures("year")
async def test_R20_sales_are_split_by_product_and_salesperson(
    statistiques: StatistiquesContratServiceStub,
) -> None:
    """Of the contracts signed in the period, the largest first; a line stands in for the product."""
    told = await figures(statistiques, "2026-01-01", "2026-12-31")
    by_product = [(one.produit_id, one.nombre, one.montant_total) for one in told.par_produit]
    assert by_product == [("prod-2", 2, 450.0), ("prod-456", 1, 299.4), ("prod-1", 1, 80.0)]
    by_person = [(one.commercial_id, one.nombre, one.montant_total) for one in told.par_commercial]
    assert by_person == [("", 2, 480.0), ("app-1", 2, 349.4)]


@pytest.mark.usefixtures("year")
async def test_R20_societes_have_figures_of_their_own(
    statistiques: StatistiquesContratServiceStub,
) -> None:
    """That of no name, too; one alone can be asked for."""
    told = await figures(statistiques, "2026-03-01", "2026-05-31")
    rows = [
        (one.societe_id, one.actifs_debut, one.actifs_fin, one.resilies, one.mrr) for one in told.par_societe
    ]
    assert rows == [("", 2, 1, 1, 33.33), ("soc-1", 1, 1, 0, 49.9)]
    alone = await figures(statistiques, "2026-01-01", "2026-05-31", "soc-1")
    assert (alone.actifs_fin, alone.nouveaux, alone.resilies, alone.mrr) == (1, 1, 0, 49.9)
    assert [one.societe_id for one in alone.par_societe] == ["soc-1"]
    assert [one.produit_id for one in alone.par_produit] == ["prod-456"]


@pytest.mark.usefixtures("year")
async def test_R20_figures_of_others_are_not_told(mesh: Mesh) -> None:
    """An organisation without contracts has zeros, and so has somebody without an organisation."""
    for organisation in ("org-sans-contrat", ""):
        stub = mesh.stub(StatistiquesContratServiceStub, organisation=organisation)
        assert await figures(stub, "2026-01-01", "2026-12-31") == pb.StatistiquesContrat()


@pytest.mark.parametrize(
    ("debut", "fin", "reason", "champ"),
    [
        ("", "2026-01-31", "CHAMP_REQUIS", "date_debut"),
        ("2026-01-01", "", "CHAMP_REQUIS", "date_fin"),
        ("2026-01-02", "2026-01-01", "DATE_INVALIDE", "date_fin"),
        ("2026-02-30", "2026-03-01", "DATE_INVALIDE", "date_debut"),
        ("0001-01-01", "0001-01-02", "DATE_INVALIDE", "date_debut"),
        ("2021-01-01", "2026-01-01", "PERIODE_TROP_LONGUE", "date_fin"),
    ],
)
async def test_R20_a_period_has_five_years_at_most(
    statistiques: StatistiquesContratServiceStub, debut: str, fin: str, reason: str, champ: str
) -> None:
    """And does not end before it begins; five whole years are accepted."""
    told = await refusal(figures(statistiques, debut, fin))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": champ})
    await figures(statistiques, "2021-01-01", "2025-12-31")
