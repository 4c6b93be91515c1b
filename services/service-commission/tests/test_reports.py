"""What reprises take beyond the brut is carried over, and paid back by later bordereaux (R22, R23)."""

from datetime import date
from decimal import Decimal

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub, ReportNegatifServiceStub
from service_commission.bordereau_models import Acompte, Imputation, ReportNegatif
from tests.calls import validated
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")


async def test_R23_what_reprises_take_beyond_the_brut_is_carried_over(
    bordereaux: BordereauServiceStub, reports: ReportNegatifServiceStub, dus: Dus
) -> None:
    """300 less 420, then 500 less 120 and an acompte of 200: 180."""
    first = await dus.commission("300.00")
    old = await dus.commission("420.00", date_encaissement=date(2025, 12, 5), statut="ANNULEE")
    await dus.reprise(old, "420.00")
    february = await validated(bordereaux)
    assert (february.total_brut, february.total_reprises) == (300, 420)
    assert (february.total_net, february.report_genere) == (0, 120)
    await dus.commission("500.00", date_encaissement=date(2026, 3, 1))
    acompte = Acompte(
        organisation_id=dus.org,
        beneficiaire_id="app-1",
        periode="2026-03",
        montant=Decimal("200.00"),
        montant_restant=Decimal("200.00"),
    )
    await dus.commissions([acompte])  # type: ignore[list-item]  # any row
    march = await validated(bordereaux, "2026-03")
    assert (march.total_brut, march.total_reports, march.total_acomptes) == (500, 120, 200)
    assert (march.total_net, march.report_genere) == (180, 0)
    (report,) = await dus.all(ReportNegatif)
    assert (report.montant_restant, report.statut) == (0, "APURE")
    assert ((await dus.stored(acompte)).statut, (await dus.stored(first)).statut) == ("APURE", "VALIDEE")
    assert [one.montant for one in await dus.all(Imputation)] == [Decimal("120.00"), Decimal("200.00")]
    listed = await reports.List(pb.ListReportsNegatifsRequest(beneficiaire_id="app-1"))
    assert [(one.montant_initial, one.periode_origine) for one in listed.reports] == [(120, "2026-02")]
    assert listed.total_restant == 0


async def test_R23_a_carry_over_larger_than_the_brut_stays_in_part(
    bordereaux: BordereauServiceStub, reports: ReportNegatifServiceStub, dus: Dus
) -> None:
    """Brut 100, carry-over 300: 100 are taken, 200 stay, nothing is paid."""
    old = await dus.commission("300.00", date_encaissement=date(2025, 12, 5), statut="ANNULEE")
    await dus.reprise(old, "300.00")
    only_reprises = await validated(bordereaux)
    assert (only_reprises.total_net, only_reprises.report_genere, only_reprises.nombre_lignes) == (0, 300, 1)
    await dus.commission("100.00", date_encaissement=date(2026, 3, 1))
    march = await validated(bordereaux, "2026-03")
    assert (march.total_reports, march.total_net) == (100, 0)
    listed = await reports.List(pb.ListReportsNegatifsRequest(statut="EN_COURS"))
    assert [(one.montant_initial, one.montant_restant) for one in listed.reports] == [(300, 200)]
    assert listed.total_restant == 200
