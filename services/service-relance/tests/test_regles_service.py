"""RegleRelanceService as its users call it (R1 to R4)."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import grpc
import pytest
from crm.common.common_pb2 import Pagination
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from db_utils import uuid7
from service_relance.models import IMPAYE
from service_relance.regles import applying_rules
from service_relance.rules import Facture, impaye
from service_testing import Mesh, eventually, refusal
from sqlalchemy import Integer, literal_column, select, text
from tests.rappels import confirmed, issued
from tests.recouvrement import Recouvrement

Regles = RegleRelanceServiceStub
REFUSED = grpc.StatusCode.INVALID_ARGUMENT
DEFAULTS = [
    "Rappel courtois",
    "Relance ferme",
    "Mise en demeure",
    "Appel après un prélèvement rejeté",
    "Appel de bienvenue",
    "Proposition de renouvellement",
]


def rule(**fields: Any) -> pb.CreateRegleRelanceRequest:
    """Rule about unpaid invoices, level 4, sixty days late."""
    usual = {
        "nom": "Dernier avis",
        "declencheur": "IMPAYE",
        "niveau": 4,
        "delai_jours": 60,
        "action_type": "CREER_TACHE",
        "ordre": 9,
    }
    return pb.CreateRegleRelanceRequest(**{**usual, **fields})


async def listed(regles: Regles, **fields: Any) -> list[pb.RegleRelance]:
    """Rules that a list answers, in its order."""
    return list((await regles.List(pb.ListReglesRelanceRequest(**fields))).regles)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    """Code and reason with which *call* is refused."""
    answer = await refusal(call)
    return answer.code, answer.reason


async def test_a_rule_is_made_and_read(regles: Regles, org: str) -> None:
    """It is active, and everything that was said is answered."""
    said: dict[str, Any] = {
        "societe_id": "soc-1",
        "nom": "Dernier avis",
        "description": "Avant le contentieux",
        "declencheur": "IMPAYE",
        "niveau": 4,
        "delai_jours": 60,
        "action_type": "TACHE_ET_EMAIL",
        "priorite_tache": "HAUTE",
        "modele_code": "DERNIER_AVIS",
        "template_titre": "Facture {{numero_facture}}",
        "template_corps": "Bonjour {{client_nom}},\n\nil reste {{ total_du }}.",
        "assigne_par_defaut": "user-1",
        "ordre": 7,
    }
    made = await regles.Create(pb.CreateRegleRelanceRequest(**said))
    assert made == pb.RegleRelance(
        id=made.id,
        organisation_id=org,
        actif=True,
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
        **said,
    )
    assert await regles.Get(pb.GetRegleRelanceRequest(id=made.id)) == made


async def test_R01_the_first_list_supplies_the_default_set(regles: Regles) -> None:
    """Filters choose among it, whichever the first call asked for."""
    assert [one.nom for one in await listed(regles, declencheur="NOUVEAU_CLIENT")] == ["Appel de bienvenue"]
    assert [one.nom for one in await listed(regles)] == DEFAULTS
    by_name = await listed(regles, pagination=Pagination(sort_by="nom"))
    assert [one.nom for one in by_name][:3] == [
        "Appel après un prélèvement rejeté",
        "Appel de bienvenue",
        "Mise en demeure",
    ]


async def test_R01_default_rules_are_edited_and_deleted_for_good(regles: Regles) -> None:
    """What the organisation makes of them stays."""
    for one in await listed(regles):
        if one.ordre == 1:
            await regles.Update(pb.UpdateRegleRelanceRequest(id=one.id, delai_jours=10, actif=False))
        else:
            assert (await regles.Delete(pb.DeleteRegleRelanceRequest(id=one.id))).success
    left = await listed(regles)
    assert [(one.nom, one.delai_jours, one.actif) for one in left] == [("Rappel courtois", 10, False)]
    await regles.Delete(pb.DeleteRegleRelanceRequest(id=left[0].id))
    assert await listed(regles) == []


async def test_R01_a_caller_without_organisation_gets_no_set(mesh: Mesh) -> None:
    """The page is empty."""
    assert await listed(mesh.stub(RegleRelanceServiceStub, organisation=None)) == []


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"declencheur": "AUTRE", "niveau": 0}, "VALEUR_INCONNUE", "declencheur"),
        ({"declencheur": "AUTRE", "niveau": 1}, "VALEUR_INCONNUE", "declencheur"),
        ({"action_type": "AUTRE"}, "VALEUR_INCONNUE", "action_type"),
        ({"priorite_tache": "URGENTE"}, "VALEUR_INCONNUE", "priorite_tache"),
        ({"niveau": 6}, "NIVEAU_INVALIDE", "niveau"),
        ({"niveau": 0}, "NIVEAU_INVALIDE", "niveau"),
        ({"declencheur": "NOUVEAU_CLIENT", "niveau": 1}, "NIVEAU_INVALIDE", "niveau"),
        ({"delai_jours": 400}, "DELAI_INVALIDE", "delai_jours"),
        ({"delai_jours": -91}, "DELAI_INVALIDE", "delai_jours"),
        ({"delai_jours": None}, "CHAMP_REQUIS", "delai_jours"),
        ({"nom": ""}, "CHAMP_REQUIS", "nom"),
        ({"nom": "x" * 101}, "TROP_LONG", "nom"),
        ({"template_corps": "x" * 20_000}, "TROP_LONG", "template_corps"),
        ({"template_corps": "{{client.__class__}}"}, "MODELE_INVALIDE", "template_corps"),
        ({"template_titre": "{{inconnue}}"}, "MODELE_INVALIDE", "template_titre"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE", "societe_id"),
        ({"assigne_par_defaut": "a b"}, "FORMAT_INVALIDE", "assigne_par_defaut"),
    ],
)
async def test_R02_R03_a_rule_that_says_what_no_rule_says_is_refused(
    regles: Regles, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """The refusal names the field; an Update is checked alike."""
    answer = await refusal(regles.Create(rule(**fields)))
    assert (answer.code, answer.reason, answer.metadata["champ"]) == (REFUSED, reason, champ)
    if None not in fields.values():
        made = await regles.Create(rule())
        answer = await refusal(regles.Update(pb.UpdateRegleRelanceRequest(id=made.id, **fields)))
        assert (answer.code, answer.reason, answer.metadata["champ"]) == (REFUSED, reason, champ)


async def test_R02_a_later_level_comes_later(regles: Regles) -> None:
    """The default set ends with level 3 after 45 days; the same day is refused, too."""
    await listed(regles)
    order = (REFUSED, "DELAIS_NON_CROISSANTS")
    for delay in (40, 45):
        assert await refused(regles.Create(rule(delai_jours=delay))) == order
    made = await regles.Create(rule(delai_jours=46))
    assert await refused(regles.Update(pb.UpdateRegleRelanceRequest(id=made.id, delai_jours=45))) == order
    first, second, *_ = await listed(regles)
    assert await refused(regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, delai_jours=30))) == order
    await regles.Update(pb.UpdateRegleRelanceRequest(id=second.id, actif=False))
    await regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, delai_jours=30))
    assert await refused(regles.Update(pb.UpdateRegleRelanceRequest(id=second.id, actif=True))) == order


async def test_R02_levels_of_a_societe_follow_those_that_it_shares(regles: Regles) -> None:
    """soc-1 has its own level 2 after 20 days: the organisation's level 1 must come before."""
    await listed(regles)
    await regles.Create(rule(societe_id="soc-1", niveau=2, delai_jours=20))
    order = (REFUSED, "DELAIS_NON_CROISSANTS")
    assert await refused(regles.Create(rule(societe_id="soc-1", niveau=3, delai_jours=20))) == order
    first = (await listed(regles))[0]
    assert await refused(regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, delai_jours=25))) == order
    await regles.Create(rule(societe_id="soc-1", niveau=1, delai_jours=5))
    await regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, delai_jours=25))


async def test_R02_rules_made_at_once_keep_their_order(regles: Regles) -> None:
    """Of two levels on one day one is refused."""
    answers = await asyncio.gather(
        *(regles.Create(rule(niveau=niveau, delai_jours=50)) for niveau in (1, 2, 3, 4, 5)),
        return_exceptions=True,
    )
    made = [one for one in answers if isinstance(one, pb.RegleRelance)]
    assert (len(made), len(await listed(regles))) == (1, 1)


async def test_R04_two_active_rules_for_one_thing_are_refused(regles: Regles) -> None:
    """The refusal names the one that is there; an inactive or deleted one is in nobody's way."""
    first = await regles.Create(rule())
    answer = await refusal(regles.Create(rule()))
    assert (answer.code, answer.reason, answer.metadata["id"]) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        first.id,
    )
    await regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, actif=False))
    second = await regles.Create(rule())
    assert await refused(regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, actif=True))) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
    )
    await regles.Delete(pb.DeleteRegleRelanceRequest(id=second.id))
    assert (await regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, actif=True))).actif


async def test_a_rule_by_which_reminders_are_planned_is_not_deleted(
    regles: Regles, relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """It can be deactivated; once its reminders have ended it can be deleted, and they stay."""
    await mesh.deliver(issued(organisation_id=org))
    first = (await listed(regles))[0]
    delete = pb.DeleteRegleRelanceRequest(id=first.id)
    assert await refused(regles.Delete(delete)) == (grpc.StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    await relances.Cancel(pb.CancelRelanceRequest(facture_id="facture-7", motif="Avoir"))
    answers = [await regles.Delete(delete) for _ in range(2)]
    reminders = (await relances.List(pb.ListRelancesRequest())).relances
    assert ([one.success for one in answers], len(reminders)) == ([True, False], 3)


async def test_R06_a_change_of_a_rule_leaves_what_is_planned(
    regles: Regles, relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """The next invoice follows the changed rule; a level made later asks for no older invoice."""
    await mesh.deliver(issued(organisation_id=org))
    first = (await listed(regles))[0]
    await regles.Update(pb.UpdateRegleRelanceRequest(id=first.id, delai_jours=1))
    await regles.Create(rule(delai_jours=60))
    await mesh.deliver(issued(organisation_id=org, invoice_id="facture-8"))
    await confirmed(mesh, org)
    days = [
        [
            one.date_prevue
            for one in (await relances.List(pb.ListRelancesRequest(facture_id=facture))).relances
        ]
        for facture in ("facture-7", "facture-8")
    ]
    assert days == [
        ["2026-02-20", "2026-03-09", "2026-03-23"],
        ["2026-02-06", "2026-03-09", "2026-03-23", "2026-04-07"],
    ]


async def test_a_rule_is_deleted_or_plans_never_both(regles: Regles, mesh: Mesh, org: str) -> None:
    """A deletion waits for the transaction that plans by the rule, and is refused then."""
    await listed(regles)
    facture = Facture("facture-7", "client-123", None, Decimal("49.90"), date(2026, 2, 5))
    waiting = (
        select(literal_column("count(*)", type_=Integer))
        .select_from(text("pg_locks"))
        .where(text("NOT granted"))
    )
    async with mesh.database("relance").transaction() as tx:
        first, *_ = await applying_rules(tx, org, "", IMPAYE)
        request = pb.DeleteRegleRelanceRequest(id=str(first.id))
        deletion = asyncio.create_task(refused(regles.Delete(request)))
        await eventually(lambda: mesh.database("relance").read().one(waiting))
        await tx.insert(impaye(first, facture, "", {}))
    assert await deletion == (grpc.StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")


async def test_R02_a_societe_that_organisations_does_not_know_is_refused(
    mesh: Mesh, regles: Regles, org: str
) -> None:
    """Unknown, or of another organisation; nothing is stored or changed."""
    bureau = Recouvrement(mesh, org)
    known = await bureau.societe("Atelier Élan")
    foreign = await Recouvrement(mesh, f"{org}-autre").societe("Ailleurs")
    made = await regles.Create(rule(societe_id=known))
    for societe_id in (foreign, str(uuid7())):
        answer = await refusal(regles.Create(rule(societe_id=societe_id)))
        assert (answer.code, answer.reason, answer.metadata["champ"]) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "REFERENCE_INCONNUE",
            "societe_id",
        )
        request = pb.UpdateRegleRelanceRequest(id=made.id, societe_id=societe_id)
        assert (await refused(regles.Update(request)))[1] == "REFERENCE_INCONNUE"
    async with bureau.without("organisations"):
        unasked = str(uuid7())
        assert (await bureau.stub(Regles).Create(rule(societe_id=unasked))).societe_id == unasked
    assert sorted(one.societe_id for one in await listed(bureau.stub(Regles))) == sorted([known, unasked])
