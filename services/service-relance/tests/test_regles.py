"""Which rule applies, over the tables."""

import asyncio
from typing import Any

import pytest
from db_utils import Conflict
from service_relance.models import NOUVEAU_CLIENT, RegleRelance
from service_relance.regles import applying_rule
from service_testing import Mesh
from sqlalchemy import delete, select


async def applying(mesh: Mesh, org: str, societe_id: str = "") -> str | None:
    """The name of the rule for new clients of *org*."""
    async with mesh.database("relance").transaction() as tx:
        regle = await applying_rule(tx, org, societe_id, NOUVEAU_CLIENT)
    return None if regle is None else regle.nom


async def own_rule(mesh: Mesh, org: str, **fields: Any) -> None:
    """A rule that somebody of *org* has made."""
    made = {"declencheur": NOUVEAU_CLIENT, "nom": "À nous", "delai_jours": 1, "action_type": "NOTIFICATION"}
    async with mesh.database("relance").transaction() as tx:
        await tx.insert(RegleRelance(organisation_id=org, **{**made, **fields}))


async def rules_of(mesh: Mesh, org: str) -> list[str]:
    """The names of all rules of *org*, in order."""
    statement = (
        select(RegleRelance.nom).where(RegleRelance.organisation_id == org).order_by(RegleRelance.ordre)
    )
    return await mesh.database("relance").read().all(statement)


async def test_R01_an_organisation_without_rules_gets_the_default_set_at_first_use(
    mesh: Mesh, org: str
) -> None:
    """And the rule that was asked for is among them."""
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
    """Ten first uses at once all find the rule, and there is one set."""
    applied = await asyncio.gather(*(applying(mesh, org) for _ in range(10)))
    assert (set(applied), len(await rules_of(mesh, org))) == ({"Appel de bienvenue"}, 6)


async def test_R01_a_deleted_default_rule_is_not_created_again(mesh: Mesh, org: str) -> None:
    """Neither one of them nor all of them."""
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
    """Also when its rule is about something else."""
    await own_rule(mesh, org, declencheur="CONTRAT_EXPIRE")
    assert (await applying(mesh, org), await rules_of(mesh, org)) == (None, ["À nous"])


async def test_R01_first_use_rolled_back_is_no_use(mesh: Mesh, org: str) -> None:
    """The set and the mark that it was supplied go together."""
    with pytest.raises(Conflict):
        await _use_and_fail(mesh, org)
    assert await rules_of(mesh, org) == []
    assert (await applying(mesh, org), len(await rules_of(mesh, org))) == ("Appel de bienvenue", 6)


async def _use_and_fail(mesh: Mesh, org: str) -> None:
    async with mesh.database("relance").transaction() as tx:
        regle = await applying_rule(tx, org, "", NOUVEAU_CLIENT)
        assert regle is not None
        await tx.insert(regle)


async def test_R04_the_rule_of_a_societe_replaces_that_of_the_organisation(mesh: Mesh, org: str) -> None:
    """For its own clients only."""
    await applying(mesh, org)
    await own_rule(mesh, org, societe_id="soc-1")
    applied = [await applying(mesh, org, societe) for societe in ("soc-1", "soc-2", "")]
    assert applied == ["À nous", "Appel de bienvenue", "Appel de bienvenue"]


async def test_an_inactive_rule_does_not_apply(mesh: Mesh, org: str) -> None:
    """Deactivating one is how an organisation does without it."""
    await own_rule(mesh, org, actif=False)
    assert await applying(mesh, org) is None


async def test_two_active_rules_for_one_thing_are_refused(mesh: Mesh, org: str) -> None:
    """Inactive ones do not count."""
    await own_rule(mesh, org, actif=False)
    await own_rule(mesh, org)
    with pytest.raises(Conflict, match="uq_regle_relance_active"):
        await own_rule(mesh, org)
