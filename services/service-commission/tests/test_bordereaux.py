"""Drafts of bordereaux: what stands in them, and what may be taken out (R21, R22, R24)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub
from grpc import StatusCode
from service_commission.bordereau_models import Contestation
from service_commission.models import CommissionAudit
from service_testing import refused
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")


def wanted(periode: str = "2026-02", beneficiaire_id: str = "app-1") -> pb.GenererBordereauRequest:
    """A request for the draft of a beneficiary."""
    return pb.GenererBordereauRequest(beneficiaire_id=beneficiaire_id, periode=periode)


def lines(bordereau: pb.Bordereau) -> list[tuple[str, float]]:
    """The lines with their amounts."""
    return [(ligne.libelle, ligne.montant) for ligne in bordereau.lignes]


async def test_R21_a_draft_holds_all_that_is_due_until_its_period(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """Not what comes later, is annulled, repris, disputed, of others, or waits for a later month."""
    due = await dus.commission("4.16")
    await dus.commission("1.25", date_encaissement=date(2026, 1, 16), type="RECURRENCE", numero_mois=2)
    await dus.commission("9.00", date_encaissement=date(2026, 3, 1))
    await dus.commission("9.00", statut="ANNULEE")
    await dus.commission("9.00", "app-2")
    await dus.commission("9.00", montant_repris=Decimal("9.00"))
    disputed = await dus.commission("9.00")
    contestation = Contestation(
        organisation_id=dus.org, commission_id=disputed.id, motif="Pas à moi", ouverte_par="user-1"
    )
    await dus.commissions([contestation])  # type: ignore[list-item]  # any row
    await dus.reprise(due, "1.67")
    await dus.reprise(due, "0.50", date_evenement=date(2026, 2, 20))
    bordereau = await bordereaux.Generer(wanted())
    assert [(one[0].split(" COM-")[0], one[1]) for one in lines(bordereau)] == [
        ("Récurrence (mois 2)", 1.25),
        ("Initiale", 1.99),
        ("Reprise (impayé du 20/01/2026)", -1.67),
    ]
    assert (bordereau.statut, bordereau.reference, bordereau.nombre_lignes) == ("BROUILLON", "", 3)
    assert (bordereau.total_brut, bordereau.total_reprises, bordereau.total_net) == (3.24, 1.67, 1.57)
    assert bordereau == await bordereaux.Get(pb.GetBordereauRequest(id=bordereau.id))
    by_period = pb.GetBordereauRequest(beneficiaire_id="app-1", periode="2026-02")
    assert bordereau == await bordereaux.Get(by_period)


async def test_R21_generating_again_changes_nothing(bordereaux: BordereauServiceStub, dus: Dus) -> None:
    """Neither lines nor version; until something new is due."""
    await dus.commission()
    first = await bordereaux.Generer(wanted())
    for _ in range(9):
        assert await bordereaux.Generer(wanted()) == first
    await dus.commission("1.25")
    again = await bordereaux.Generer(wanted())
    assert (again.id, again.version > first.version, again.total_brut) == (first.id, True, 5.41)
    assert {one.statut for one in await dus.all(type(dus.row()))} == {"EN_ATTENTE"}


async def test_R24_a_deselected_line_stays_so_and_its_commission_stays_due(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """Also when the draft is built anew; the journal says why."""
    await dus.commission("4.16")
    await dus.commission("1.25", date_encaissement=date(2026, 2, 6))
    draft = await bordereaux.Generer(wanted())
    out = pb.SelectionnerLigneRequest(ligne_id=draft.lignes[0].id, motif="À vérifier")
    without = await bordereaux.SelectionnerLigne(out)
    assert (without.total_brut, without.nombre_lignes, without.version) == (1.25, 1, draft.version + 1)
    await dus.commission("2.00", date_encaissement=date(2026, 2, 7))
    again = await bordereaux.Generer(wanted())
    assert [(one.selectionne, one.motif_deselection) for one in again.lignes] == [
        (False, "À vérifier"),
        (True, ""),
        (True, ""),
    ]
    assert again.total_brut == 3.25
    validated = await bordereaux.Valider(pb.ValiderBordereauRequest(id=again.id, version=again.version))
    assert validated.total_net == 3.25
    assert lines(await bordereaux.Generer(wanted("2026-03"))) == [("Initiale COM-2026-02-000001", 4.16)]
    noted = [one for one in await dus.all(CommissionAudit) if one.action == "DESELECTION"]
    assert [one.apres["motif"] for one in noted] == ["À vérifier"]


async def test_R24_a_line_comes_back_when_it_is_selected_again(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """To the totals as they were; selecting what is selected changes nothing."""
    await dus.commission()
    draft = await bordereaux.Generer(wanted())
    ligne_id = draft.lignes[0].id
    await bordereaux.SelectionnerLigne(pb.SelectionnerLigneRequest(ligne_id=ligne_id, motif="doute"))
    back = await bordereaux.SelectionnerLigne(
        pb.SelectionnerLigneRequest(ligne_id=ligne_id, selectionne=True)
    )
    assert (back.total_net, back.lignes[0].motif_deselection) == (4.16, "")
    again = await bordereaux.SelectionnerLigne(
        pb.SelectionnerLigneRequest(ligne_id=ligne_id, selectionne=True)
    )
    assert again == back


@pytest.mark.parametrize(
    ("motif", "reason"), [("", "MOTIF_REQUIS"), ("ab", "MOTIF_REQUIS"), ("x" * 501, "TROP_LONG")]
)
async def test_R24_deselecting_needs_a_reason(
    bordereaux: BordereauServiceStub, dus: Dus, motif: str, reason: str
) -> None:
    """Of three characters at least."""
    await dus.commission()
    ligne = (await bordereaux.Generer(wanted())).lignes[0]
    told = await refused(
        bordereaux.SelectionnerLigne(pb.SelectionnerLigneRequest(ligne_id=ligne.id, motif=motif))
    )
    assert told == (StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"periode": "2026-13"}, StatusCode.INVALID_ARGUMENT, "PERIODE_INVALIDE"),
        ({"periode": "26-02"}, StatusCode.INVALID_ARGUMENT, "PERIODE_INVALIDE"),
        ({"periode": "2026-02-01"}, StatusCode.INVALID_ARGUMENT, "PERIODE_INVALIDE"),
        ({"periode": ""}, StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS"),
        ({"periode": "2026-04"}, StatusCode.FAILED_PRECONDITION, "PERIODE_FUTURE"),
        ({"beneficiaire_id": ""}, StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS"),
        ({"beneficiaire_id": "a b"}, StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE"),
    ],
)
async def test_R21_a_period_is_a_month_that_has_begun(
    bordereaux: BordereauServiceStub, fields: dict[str, Any], code: StatusCode, reason: str
) -> None:
    """And a beneficiary is named by an id."""
    request = pb.GenererBordereauRequest(**({"beneficiaire_id": "app-1", "periode": "2026-02"} | fields))
    assert await refused(bordereaux.Generer(request)) == (code, reason)


async def test_R21_lists_are_sorted_by_period_and_filtered(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """Without their lines."""
    await dus.commission(societe_id="soc-1")
    for periode in ("2026-02", "2026-03"):
        await bordereaux.Generer(wanted(periode))
    await bordereaux.Generer(wanted("2026-01", "app-2"))
    listed = (await bordereaux.List(pb.ListBordereauxRequest())).bordereaux
    assert [(one.periode, one.societe_id, len(one.lignes)) for one in listed] == [
        ("2026-03", "soc-1", 0),
        ("2026-02", "soc-1", 0),
        ("2026-01", "", 0),
    ]
    of_app_2 = await bordereaux.List(pb.ListBordereauxRequest(beneficiaire_id="app-2"))
    assert [one.periode for one in of_app_2.bordereaux] == ["2026-01"]
    of_soc_1 = await bordereaux.List(pb.ListBordereauxRequest(societe_id="soc-1", periode="2026-02"))
    assert [one.id for one in of_soc_1.bordereaux] == [listed[1].id]


async def test_R21_a_draft_of_several_societes_is_of_the_default_one(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """There is one bordereau for each beneficiary and period."""
    for societe_id in ("soc-1", "soc-2"):
        await dus.commission(societe_id=societe_id)
    bordereau = await bordereaux.Generer(wanted())
    assert (bordereau.societe_id, bordereau.total_brut) == ("", 8.32)
