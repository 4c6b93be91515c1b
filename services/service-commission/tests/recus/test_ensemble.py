"""Receipts that come together, repeatedly, on two instances, or beside a return (§ locks, C13)."""

import asyncio
from datetime import date
from typing import Any

from crm.commerciaux import commerciaux_pb2
from crm.commission import commission_pb2 as pb
from grpc.aio import AioRpcError
from service_commission.subscribers import commission_payment, received_payment
from service_testing import Mesh, running
from tests.recus.conftest import SERVICES
from tests.ventes import Ventes


async def handled(ventes: Ventes, *events: Any) -> None:
    """Handle *events* at once, each in a transaction of its own, as as many instances would."""
    app: Any = ventes.mesh["commission"].app
    seen = [await received_payment(event, app) for event in events]

    async def handle(event: Any, received: Any) -> None:
        async with app.database.transaction() as tx:
            await commission_payment(event, tx, received)

    await asyncio.gather(*map(handle, events, seen))


def prime(seuil: int, montant: float, **fields: Any) -> commerciaux_pb2.Palier:
    """A tier of volume with a prime."""
    return commerciaux_pb2.Palier(seuil_min=seuil, montant_prime=montant, **fields)


async def test_R5_two_payments_at_once_are_one_initiale_and_one_recurrence(ventes: Ventes) -> None:
    """Whoever is first has it."""
    await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    await handled(ventes, *(ventes.event(contrat) for _ in range(4)))
    assert sorted(row.type for row in await ventes.rows()) == ["INITIALE"] + ["RECURRENCE"] * 3


async def test_R12_the_race_for_a_tier_pays_one_prime(ventes: Ventes) -> None:
    """Six contracts at once of an apporteur whose tier begins at three."""
    await ventes.bareme(paliers=[prime(3, 200)])
    apporteur = await ventes.apporteur()
    contrats = [await ventes.contrat(apporteur) for _ in range(6)]
    await handled(ventes, *map(ventes.event, contrats))
    assert [row.montant for row in await ventes.rows(type="PRIME")] == [200]
    assert len(await ventes.rows(type="INITIALE")) == 6


async def test_R14_a_team_pays_its_manager_the_difference(ventes: Ventes) -> None:
    """100 at two contracts, 150 more at four, whoever of the team sells them at once."""
    await ventes.bareme()
    tiers = [
        prime(2, 100, seuil_max=4, cumulable=False),
        prime(4, 250, cumulable=False),
    ]
    await ventes.bareme(profil_remuneration="MANAGER", paliers=tiers)
    manager = await ventes.apporteur(type_apporteur="MANAGER")
    team = [await ventes.apporteur(manager_id=manager) for _ in range(2)]
    contrats = [await ventes.contrat(team[number % 2]) for number in range(5)]
    await handled(ventes, *map(ventes.event, contrats))
    primes = await ventes.rows(type="PRIME")
    assert {row.beneficiaire_id for row in primes} == {manager}
    assert sorted(row.montant for row in primes) == [100, 150]


async def test_R8_the_tier_of_a_receipt_counts_its_own_contract(ventes: Ventes) -> None:
    """10 % for the first contract, 12 % from the second on; the first is not computed again."""
    tiers = [
        commerciaux_pb2.Palier(seuil_min=0, seuil_max=2, taux_bonus=10),
        commerciaux_pb2.Palier(seuil_min=2, taux_bonus=12),
    ]
    await ventes.bareme(type_calcul="palier", paliers=tiers, recurrence_active=False)
    apporteur = await ventes.apporteur()
    for _ in range(3):
        await ventes.received(await ventes.contrat(apporteur))
    assert [row.montant for row in await ventes.rows()] == [4.16, 4.99, 4.99]


async def test_R15_a_reprise_lowers_the_measure_and_leaves_the_prime(ventes: Ventes) -> None:
    """One prime at the second contract, none again when the measure comes back to it."""
    await ventes.bareme(paliers=[prime(2, 80, seuil_max=3), prime(3, 90)])
    apporteur = await ventes.apporteur()
    payments = [await ventes.received(await ventes.contrat(apporteur)) for _ in range(2)]
    await ventes.taken_back("IMPAYE", payment_id=payments[0])
    await ventes.received(await ventes.contrat(apporteur))
    assert [row.montant for row in await ventes.rows(type="PRIME")] == [80]
    await ventes.received(await ventes.contrat(apporteur))
    assert [row.montant for row in await ventes.rows(type="PRIME")] == [80, 90]


async def test_R19_a_payment_announced_five_times_beside_its_return(
    ventes: Ventes, mesh: Mesh, payments: Any
) -> None:
    """On two instances: one set of rows, and the return is refused or takes it back whole."""
    await ventes.bareme(repartition_commercial=70, repartition_agence=30)
    contrat = await ventes.contrat(await ventes.apporteur())
    event = ventes.event(contrat)
    settings: Any = mesh["commission"].app.settings
    shared: dict[str, Any] = {
        "database_url": settings.database_url.get_secret_value(),
        "broker": mesh.broker,
        "doubles": {"payments": [payments]},
        "user_sync_enabled": False,
    }
    async with running(*SERVICES, **shared) as second:
        other = Ventes(second, ventes.org, payments)
        told: dict[str, Any] = {"payment_id": event.payment_id, "cle_idempotence": "retour:1"}
        asked = [each.taken_back("IMPAYE", **told) for each in (ventes, other) for _ in range(3)]
        delivered, *answers = await asyncio.gather(
            mesh.deliver(event, times=5, timeout=60), *asked, return_exceptions=True
        )
        assert delivered is None
        assert all(isinstance(one, (AioRpcError, pb.DeclencherRepriseResponse)) for one in answers)
        last = await other.taken_back("IMPAYE", **told)
    rows = await ventes.rows()
    assert [(row.role, row.montant, row.statut) for row in rows] == [
        ("COMMERCIAL", 2.91, "ANNULEE"),
        ("AGENCE", 1.25, "ANNULEE"),
    ]
    assert sorted(row.id for row in last.commissions_annulees) == sorted(row.id for row in rows)


async def test_R4_events_about_one_payment_are_one(ventes: Ventes) -> None:
    """Another event of the same payment, which was announced anew, changes nothing."""
    await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    payment = await ventes.received(contrat)
    await ventes.received(contrat, payment_id=payment, jour=date(2026, 3, 16))
    assert [row.type for row in await ventes.rows()] == ["INITIALE"]
