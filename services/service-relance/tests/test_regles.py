"""Default rules of an organisation, and which rule applies, over the tables (R1, R2, R4)."""

import asyncio
from typing import Any

import pytest
from db_utils import Conflict, UnknownChoice
from psycopg.errors import CheckViolation
from service_relance.models import IMPAYE, NOUVEAU_CLIENT, RegleRelance
from service_relance.regles import applying_rules
from service_testing import Mesh
from sqlalchemy import delete, select


async def applying(mesh: Mesh, org: str, societe_id: str = "") -> str | None:
    """Name of the rule that applies to new clients of *org*, None without one."""
    async with mesh.database("relance").transaction() as tx:
        regles = await applying_rules(tx, org, societe_id, NOUVEAU_CLIENT)
    assert len(regles) <= 1
    return regles[0].nom if regles else None


async def own_rule(mesh: Mesh, org: str, **fields: Any) -> None:
    """Insert a rule that somebody of *org* has made."""
    made = {"declencheur": NOUVEAU_CLIENT, "nom": "À nous", "delai_jours": 1, "action_type": "NOTIFICATION"}
    async with mesh.database("relance").transaction() as tx:
        await tx.insert(RegleRelance(organisation_id=org, **{**made, **fields}))


async def rules_of(mesh: Mesh, org: str) -> list[str]:
    """Names of all rules of *org*, in order."""
    statement = (
        select(RegleRelance.nom).where(RegleRelance.organisation_id == org).order_by(RegleRelance.ordre)
    )
    return await mesh.database("relance").read().all(statement)


async def test_R01_an_organisation_without_rules_gets_the_default_set_at_first_use(
    mesh: Mesh, org: str
) -> None:
    """The rule that was asked for is one of the set."""
    before = await rules_of(mesh, org)
    applied = await applying(mesh, org)
    assert (before, applied) == ([], "Appel de bienvenue")
    assert await rules_of(mesh, org) == [
        "Rappel courtois",
        "Relance ferme",
        "Mise en demeure",
        "Appel après un prélèvement rejeté",
        "Appel de bienvenue",
        "Proposition de renouvellement",
    ]


async def test_R01_the_default_set_is_supplied_once_under_concurrency(mesh: Mesh, org: str) -> None:
    """Ten first uses at once all find the rule and leave one set."""
    applied = await asyncio.gather(*(applying(mesh, org) for _ in range(10)))
    assert (set(applied), len(await rules_of(mesh, org))) == ({"Appel de bienvenue"}, 6)


async def test_R01_a_deleted_default_rule_is_not_created_again(mesh: Mesh, org: str) -> None:
    """One deleted rule stays deleted, and so do all of them."""
    await applying(mesh, org)
    left = []
    for statement in (
        delete(RegleRelance).where(RegleRelance.organisation_id == org, RegleRelance.ordre == 5),
        delete(RegleRelance).where(RegleRelance.organisation_id == org),
    ):
        async with mesh.database("relance").transaction() as tx:
            await tx.execute(statement)
        left.append((await applying(mesh, org), len(await rules_of(mesh, org))))
    assert left == [(None, 5), (None, 0)]


async def test_R01_an_organisation_with_a_rule_of_its_own_gets_no_default(mesh: Mesh, org: str) -> None:
    """An own rule for another trigger is enough to get no default set."""
    await own_rule(mesh, org, declencheur="CONTRAT_EXPIRE")
    assert (await applying(mesh, org), await rules_of(mesh, org)) == (None, ["À nous"])


async def test_R01_first_use_rolled_back_is_no_use(mesh: Mesh, org: str) -> None:
    """A rolled-back first use leaves neither rules nor mark; the next use supplies both."""
    with pytest.raises(Conflict):
        await _use_and_fail(mesh, org)
    assert await rules_of(mesh, org) == []
    assert (await applying(mesh, org), len(await rules_of(mesh, org))) == ("Appel de bienvenue", 6)


async def _use_and_fail(mesh: Mesh, org: str) -> None:
    async with mesh.database("relance").transaction() as tx:
        (regle,) = await applying_rules(tx, org, "", NOUVEAU_CLIENT)
        await tx.insert(regle)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"niveau": 1}, "ck_regle_relance_niveau"),
        ({"declencheur": "IMPAYE", "niveau": 0}, "ck_regle_relance_niveau"),
        ({"declencheur": "IMPAYE", "niveau": 6}, "ck_regle_relance_niveau"),
        ({"delai_jours": -91}, "ck_regle_relance_delai_jours"),
        ({"delai_jours": 366}, "ck_regle_relance_delai_jours"),
    ],
)
async def test_R02_a_rule_outside_its_bounds_is_not_stored(
    mesh: Mesh, org: str, fields: dict[str, Any], constraint: str
) -> None:
    """Levels 1 to 5 belong to IMPAYE and 0 to all others; delays end at -90 and 365 days."""
    with pytest.raises(CheckViolation, match=constraint):
        await own_rule(mesh, org, **fields)
    assert await rules_of(mesh, org) == []


@pytest.mark.parametrize("field", ["declencheur", "action_type", "priorite_tache"])
async def test_R02_triggers_actions_and_priorities_are_closed_lists(mesh: Mesh, org: str, field: str) -> None:
    """A word outside the list is refused by the name of its column."""
    with pytest.raises(UnknownChoice) as refused:
        await own_rule(mesh, org, **{field: "AUTRE"})
    assert refused.value.column == field


async def test_R02_the_bounds_themselves_are_allowed(mesh: Mesh, org: str) -> None:
    """Levels 1 and 5 of IMPAYE, 90 days before and 365 days after."""
    await own_rule(mesh, org, declencheur="IMPAYE", niveau=1, delai_jours=-90)
    await own_rule(mesh, org, declencheur="IMPAYE", niveau=5, delai_jours=365)
    assert await rules_of(mesh, org) == ["À nous", "À nous"]


async def test_R04_the_rule_of_a_societe_replaces_that_of_the_organisation(mesh: Mesh, org: str) -> None:
    """Other sociétés and clients without one follow the organisation's rule."""
    await applying(mesh, org)
    await own_rule(mesh, org, societe_id="soc-1")
    applied = [await applying(mesh, org, societe) for societe in ("soc-1", "soc-2", "")]
    assert applied == ["À nous", "Appel de bienvenue", "Appel de bienvenue"]


async def test_R04_each_level_has_its_own_rule(mesh: Mesh, org: str) -> None:
    """The société replaces level 2 and adds level 4; an inactive rule replaces nothing."""
    await applying(mesh, org)
    for niveau, actif in ((2, True), (4, True), (3, False)):
        await own_rule(mesh, org, declencheur=IMPAYE, niveau=niveau, societe_id="soc-1", actif=actif)
    async with mesh.database("relance").transaction() as tx:
        found = [await applying_rules(tx, org, societe, IMPAYE) for societe in ("soc-1", "soc-2")]
    assert [[(regle.niveau, regle.nom) for regle in regles] for regles in found] == [
        [(1, "Rappel courtois"), (2, "À nous"), (3, "Mise en demeure"), (4, "À nous")],
        [(1, "Rappel courtois"), (2, "Relance ferme"), (3, "Mise en demeure")],
    ]


async def test_R04_an_inactive_rule_does_not_apply(mesh: Mesh, org: str) -> None:
    """An organisation whose only rule is inactive has no rule that applies."""
    await own_rule(mesh, org, actif=False)
    assert await applying(mesh, org) is None


async def test_R04_two_active_rules_for_one_thing_are_refused(mesh: Mesh, org: str) -> None:
    """A second active rule breaks the unique index; inactive ones do not count."""
    await own_rule(mesh, org, actif=False)
    await own_rule(mesh, org)
    with pytest.raises(Conflict, match="uq_regle_relance_active"):
        await own_rule(mesh, org)
