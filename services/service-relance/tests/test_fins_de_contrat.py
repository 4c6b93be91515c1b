"""Daily job about ends of contracts, with the real contrats service (R22)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from crm.contrats import contrats_pb2 as contrats_pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from db_utils import Scope, clock, within
from service_contrats.expiration import expire_contrats
from service_kit import AGAIN
from service_relance.fins_de_contrat import plan_ends
from service_relance.quotidien import plan_daily
from service_relance.quotidien_rules import has_begun
from service_testing import Mesh
from tests.rappels import done_today, patiently, without

# Thirty days before 22 April.
MORNING = datetime(2026, 3, 23, 6, tzinfo=UTC)  # 07:00 in Paris
SOON = "CONTRAT_BIENTOT_EXPIRE"


@pytest.fixture
def morning() -> Iterator[None]:
    """07:00 of Monday 23 March in Paris, at which the clock stands still."""
    with clock.frozen_at(MORNING):
        yield


class Atelier:
    """Contracts and rules of one organisation, and the job."""

    def __init__(
        self,
        mesh: Mesh,
        org: str,
        regles: RegleRelanceServiceStub,
        relances: RelanceServiceStub,
    ) -> None:
        self.mesh, self.regles, self._org, self._relances = mesh, regles, org, relances

    async def active(self, date_fin: str, **fields: Any) -> contrats_pb.Contrat:
        """Contract that was activated a year before *date_fin*."""
        after = date.fromisoformat(date_fin) + timedelta(days=1)
        usual = {"client_id": "client-123", "produit_id": "prod-456", "duree_mois": 12}
        with clock.frozen_at(datetime(after.year - 1, after.month, after.day, 9, tzinfo=UTC)):
            contrats = self.mesh.stub(ContratServiceStub, organisation=self._org)
            contrat = await contrats.Create(contrats_pb.CreateContratRequest(**{**usual, **fields}))
            orchestrations = self.mesh.stub(ContractOrchestrationServiceStub, organisation=self._org)
            activation = contrats_pb.ActiverContratRequest(contrat_id=contrat.id)
            active = (await orchestrations.Activer(activation)).contrat
        assert (active.statut, active.date_fin) == ("ACTIF", date_fin)
        return active

    async def rule(self, **fields: Any) -> pb.RegleRelance:
        """Rule about ends of contracts."""
        usual = {"nom": "Fin", "declencheur": SOON, "delai_jours": -30, "action_type": "CREER_TACHE"}
        return await self.regles.Create(pb.CreateRegleRelanceRequest(**{**usual, **fields}))

    async def run(self) -> None:
        """Do the day's work for this organisation, as after a restart."""
        with within(Scope(self._org)):
            await patiently(lambda: plan_ends(self.mesh["relance"].app))

    async def job(self) -> None:
        """Do the work of the hour for every organisation, until this one has had its day."""
        await done_today(self.mesh, "contrats", self._org)

    async def planned(self) -> list[tuple[str, str, str]]:
        """Contract, trigger and day of each reminder."""
        listed = (await self._relances.List(pb.ListRelancesRequest())).relances
        return sorted((one.contrat_id, one.declencheur, one.date_prevue) for one in listed)

    async def only(self) -> pb.Relance:
        """The one reminder that there is."""
        (relance,) = (await self._relances.List(pb.ListRelancesRequest())).relances
        return relance


@pytest.fixture
def atelier(
    morning: None,
    mesh: Mesh,
    org: str,
    regles: RegleRelanceServiceStub,
    relances: RelanceServiceStub,
) -> Atelier:
    """Contracts and rules of the organisation."""
    return Atelier(mesh, org, regles, relances)


async def test_R22_a_contract_about_to_end_is_to_be_renewed(atelier: Atelier, org: str) -> None:
    """Thirty days before its end, once, however often the job runs."""
    rule = await atelier.rule()
    contrat = await atelier.active("2026-04-22")
    await atelier.active("2026-04-23")
    await atelier.run()
    await atelier.run()
    relance = await atelier.only()
    assert relance == pb.Relance(
        id=relance.id,
        organisation_id=org,
        regle_id=rule.id,
        declencheur=SOON,
        client_id="client-123",
        contrat_id=contrat.id,
        date_prevue="2026-03-23",
        statut="PLANIFIEE",
        cle=f"contrat:{contrat.id}:{SOON}:2026-04-22",
        created_at=relance.created_at,
        updated_at=relance.created_at,
        version=1,
    )


async def test_R22_what_was_missed_is_planned_for_the_next_day_of_work(atelier: Atelier) -> None:
    """On Saturday 28 March a contract is found that ends within four days: Monday."""
    await atelier.rule()
    contrat = await atelier.active("2026-04-01")
    with clock.frozen_at(MORNING.replace(day=28)):
        await atelier.run()
    assert await atelier.planned() == [(contrat.id, SOON, "2026-03-30")]


async def test_R22_an_organisation_without_an_active_rule_plans_nothing(atelier: Atelier) -> None:
    """Nor does a contract that is not active."""
    rule = await atelier.rule()
    await atelier.regles.Update(pb.UpdateRegleRelanceRequest(id=rule.id, actif=False))
    await atelier.active("2026-04-01")
    await atelier.run()
    assert await atelier.planned() == []


async def test_R04_R22_the_rule_of_a_societe_replaces_that_of_the_organisation(atelier: Atelier) -> None:
    """soc-1 proposes sixty days before, everybody else thirty."""
    await atelier.rule()
    own = await atelier.rule(societe_id="soc-1", delai_jours=-60)
    theirs = await atelier.active("2026-05-22", societe_id="soc-1")
    await atelier.active("2026-05-22", societe_id="soc-2")
    due = await atelier.active("2026-04-22", societe_id="soc-2")
    await atelier.run()
    assert await atelier.planned() == sorted([(theirs.id, SOON, "2026-03-23"), (due.id, SOON, "2026-03-23")])
    assert own.societe_id == "soc-1"


async def test_R22_a_contract_that_expires_under_the_rule_is_told_once(atelier: Atelier) -> None:
    """Two days after its end; one that had expired when the rule was made is left alone."""
    old = await atelier.active("2026-03-01")
    late = await atelier.active("2026-03-22")
    await expire_contrats(atelier.mesh["contrats"].app)
    await atelier.rule(declencheur="CONTRAT_EXPIRE", delai_jours=2)
    await atelier.run()
    assert await atelier.planned() == []
    with clock.frozen_at(MORNING.replace(day=24)):
        await atelier.run()
    assert await atelier.planned() == [(late.id, "CONTRAT_EXPIRE", "2026-03-24")]
    assert old.id != late.id


async def test_R22_while_contrats_is_away_the_day_waits(
    atelier: Atelier, mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    """The next run of the same day makes it good."""
    await atelier.rule()
    contrat = await atelier.active("2026-04-22")
    async with without(mesh, "contrats"):
        assert await plan_daily(mesh["relance"].app) is AGAIN
        assert "daily reminders (contrats) wait" in caplog.text
    await atelier.job()
    assert await atelier.planned() == [(contrat.id, SOON, "2026-03-23")]


async def test_R22_an_organisation_is_gone_through_once_a_day(atelier: Atelier) -> None:
    """What is signed in the course of the day waits for the next one."""
    await atelier.rule()
    await atelier.job()
    contrat = await atelier.active("2026-04-01")
    with clock.frozen_at(MORNING.replace(hour=15)):
        await atelier.job()
    assert await atelier.planned() == []
    with clock.frozen_at(MORNING.replace(day=24)):
        await atelier.job()
    assert await atelier.planned() == [(contrat.id, SOON, "2026-03-24")]


@pytest.mark.parametrize(("hour", "minute", "expected"), [(5, 59, False), (6, 0, True), (22, 0, True)])
def test_R22_the_day_s_work_begins_at_seven_in_paris(hour: int, minute: int, expected: bool) -> None:
    """05:59 UTC is 06:59 in winter, and an hour later in summer."""
    assert has_begun(datetime(2026, 1, 15, hour, minute, tzinfo=UTC)) == expected
    assert has_begun(datetime(2026, 7, 15, hour - 1, minute, tzinfo=UTC)) == expected


async def test_R22_before_seven_nothing_is_planned(atelier: Atelier) -> None:
    """The job is asked, and does nothing."""
    await atelier.rule()
    await atelier.active("2026-04-22")
    with clock.frozen_at(MORNING.replace(hour=5, minute=59)):
        await plan_daily(atelier.mesh["relance"].app)
    assert await atelier.planned() == []
