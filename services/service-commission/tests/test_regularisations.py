"""Reprises that are given up or given back (R28), figures (R29), and the journal (R30)."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import (
    BordereauServiceStub,
    CommissionAuditServiceStub,
    KpiServiceStub,
    RepriseServiceStub,
)
from grpc import StatusCode
from service_testing import refused
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")


async def validated(bordereaux: BordereauServiceStub) -> pb.Bordereau:
    """The bordereau of app-1, validated."""
    draft = await bordereaux.Generer(pb.GenererBordereauRequest(beneficiaire_id="app-1", periode="2026-02"))
    return await bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version))


async def test_R28_an_applied_reprise_is_given_back_once(
    bordereaux: BordereauServiceStub, reprises: RepriseServiceStub, dus: Dus
) -> None:
    """As a commission of the same amount and of the current period; of several at once one works."""
    old = await dus.commission("4.16", date_encaissement=date(2025, 12, 5), statut="ANNULEE")
    taken = await dus.reprise(old, "4.16")
    request = pb.RegulariserRepriseRequest(id=str(taken.id), motif="Le client a payé")
    assert await refused(reprises.Regulariser(request)) == (
        StatusCode.FAILED_PRECONDITION,
        "REPRISE_NON_APPLIQUEE",
    )
    await validated(bordereaux)
    answers = await asyncio.gather(*(reprises.Regulariser(request) for _ in range(4)), return_exceptions=True)
    (given,) = [one for one in answers if isinstance(one, pb.Commission)]
    assert (given.type, given.montant, given.periode) == ("REGULARISATION", 4.16, "2026-03")
    assert given.detail["reprise_id"] == str(taken.id)
    told = await refused(reprises.Regulariser(request))
    assert told == (StatusCode.FAILED_PRECONDITION, "REPRISE_DEJA_REGULARISEE")


async def test_R28_a_reprise_that_waits_is_given_up(
    bordereaux: BordereauServiceStub, reprises: RepriseServiceStub, dus: Dus
) -> None:
    """Its amount is again a part of the commission, and drafts are without it; an applied one stays."""
    row = await dus.commission("4.16")
    await validated(bordereaux)
    waiting = await dus.reprise(row, "1.67", date_evenement=date(2026, 2, 20))
    draft = await bordereaux.Generer(pb.GenererBordereauRequest(beneficiaire_id="app-1", periode="2026-03"))
    assert draft.report_genere == 1.67
    request = pb.AnnulerRepriseRequest(id=str(waiting.id), motif="Saisie par erreur")
    assert (await reprises.Annuler(request)).statut == "ANNULEE"
    assert (await dus.stored(row)).montant_repris == Decimal("0.00")
    after = await bordereaux.Get(pb.GetBordereauRequest(id=draft.id))
    assert (after.report_genere, list(after.lignes)) == (0, [])
    assert await refused(reprises.Annuler(request)) == (
        StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
    )
    listed = await reprises.List(pb.ListReprisesRequest(statut="ANNULEE"))
    assert (len(listed.reprises), listed.total_montant) == (1, 1.67)


async def test_R29_figures_of_some_months(kpis: KpiServiceStub, dus: Dus) -> None:
    """Commissions by their period, reprises by the one they apply to, without annulled ones."""
    first = await dus.commission("100.00", type_produit="SERVICE")
    await dus.commission("30.00", type="RECURRENCE", type_produit="ASSURANCE")
    await dus.commission("20.00", "app-2", type="PRIME", payment_id=None, palier_code="P1")
    await dus.commission("999.00", statut="ANNULEE")
    await dus.commission("8.00", montant_repris=Decimal("3.00"))  # 3.00 were never due
    await dus.reprise(first, "31.00")
    asked = pb.GetKpiRequest(periode_debut="2026-01", periode_fin="2026-02")
    told = await kpis.Get(asked)
    assert (told.brut, told.recurrent, told.primes) == (155, 30, 20)
    assert (told.reprises, told.net) == (31, 124)
    assert (told.taux_reprise, told.taux_recurrence) == (0.2, 0.1935)
    assert [(one.cle, one.brut) for one in told.par_periode] == [("2026-02", 155)]
    assert [(one.cle, one.brut, one.reprises) for one in told.par_beneficiaire] == [
        ("app-1", 135, 31),
        ("app-2", 20, 0),
    ]
    assert [(one.cle, one.net) for one in told.par_produit] == [("", 25), ("ASSURANCE", 30), ("SERVICE", 69)]
    asked.type_produit = "ASSURANCE"
    assert (await kpis.Get(asked)).brut == 30
    nothing = await kpis.Get(pb.GetKpiRequest(periode_debut="2020-01", periode_fin="2022-12"))
    assert nothing == pb.Kpi()


@pytest.mark.parametrize(
    ("debut", "fin", "reason"),
    [
        ("2026-02", "2026-01", "INTERVALLE_INVALIDE"),
        ("2023-01", "2026-01", "INTERVALLE_INVALIDE"),
        ("2026-13", "2026-12", "PERIODE_INVALIDE"),
        ("2026-01", "", "CHAMP_REQUIS"),
    ],
)
async def test_R29_figures_are_of_36_months_at_most(
    kpis: KpiServiceStub, debut: str, fin: str, reason: str
) -> None:
    """From a period to the same or a later one."""
    request = pb.GetKpiRequest(periode_debut=debut, periode_fin=fin)
    assert await refused(kpis.Get(request)) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R30_the_journal_tells_what_was_done(
    bordereaux: BordereauServiceStub, journal: CommissionAuditServiceStub, dus: Dus
) -> None:
    """The latest first, filtered by its subject and by days of Paris."""
    await dus.commission()
    bordereau = await validated(bordereaux)
    logs = (await journal.List(pb.ListCommissionAuditRequest(ref_id=bordereau.id))).logs
    assert {(one.scope, one.action) for one in logs} == {
        ("BORDEREAU", "GENERATION"),
        ("BORDEREAU", "VALIDATION"),
    }
    assert {(one.beneficiaire_id, one.acteur) for one in logs} == {("app-1", bordereau.valide_par)}
    asked: tuple[tuple[dict[str, Any], int], ...] = (
        ({"date_from": "2026-03-05", "date_to": "2026-03-05"}, 2),
        ({"date_from": "2026-03-06"}, 0),
        ({"date_to": "2026-03-04"}, 0),
        ({"date_from": "0001-01-01", "date_to": "9999-12-31"}, 2),
    )
    for days, count in asked:
        assert len((await journal.List(pb.ListCommissionAuditRequest(**days))).logs) == count
