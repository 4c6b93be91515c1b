"""Due dates (R16, R31), lateness (R17) and late-payment rates (R15)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from crm.notifications.notifications_pb2 import ListNotificationsRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import clock
from grpc import StatusCode
from service_factures import penalites
from service_factures.echeances import of_conditions
from service_factures.models import CONDITIONS
from service_testing import Mesh, eventually, refused
from tests.facturation import Invoices

ILLEGAL = (StatusCode.INVALID_ARGUMENT, "DELAI_PAIEMENT_ILLEGAL")


@pytest.mark.parametrize(
    ("emission", "conditions", "calcul", "echeance"),
    [
        ("2026-01-22", "RECEPTION", "APRES_45J", "2026-01-22"),
        ("2026-01-22", "J15", "APRES_45J", "2026-02-06"),
        ("2026-01-22", "J30", "APRES_45J", "2026-02-21"),
        ("2026-01-22", "J45", "APRES_45J", "2026-03-08"),
        ("2026-01-22", "J60", "APRES_45J", "2026-03-23"),
        ("2026-01-15", "J30_FDM", "APRES_45J", "2026-02-28"),
        ("2026-01-15", "J45_FDM", "APRES_45J", "2026-03-31"),
        ("2026-01-15", "J45_FDM", "AVANT_45J", "2026-03-17"),
        ("2028-01-31", "J30_FDM", "APRES_45J", "2028-03-31"),
    ],
)
def test_R16_terms_make_a_day(emission: str, conditions: str, calcul: str, echeance: str) -> None:
    """Calendar days; week-ends are not shifted."""
    assert of_conditions(date.fromisoformat(emission), conditions, calcul).isoformat() == echeance


async def test_R16_terms_of_the_societe_and_of_the_request(
    noon: datetime, reglages: FactureSettingsServiceStub, made: Invoices
) -> None:
    """J30 unless settings say otherwise; a day that was asked for wins."""
    assert (await made.issued()).date_echeance == "2026-02-21"
    await reglages.Save(pb.SaveFactureSettingsRequest(conditions_paiement="J15"))
    facture = await made.issued()
    assert (facture.conditions_paiement, facture.date_echeance) == ("J15", "2026-02-06")
    assert (await made.issued(date_echeance="2026-03-01")).date_echeance == "2026-03-01"
    assert (facture.date_emission, facture.date_prestation) == ("2026-01-22", "2026-01-22")
    late = await made.issued(date_prestation="2026-01-02", conditions_paiement="J45_FDM")
    assert (late.date_prestation, late.date_echeance) == ("2026-01-02", "2026-03-31")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"date_echeance": "2026-03-24"}, ILLEGAL),
        ({"date_echeance": "2026-04-01", "conditions_paiement": "J45_FDM"}, ILLEGAL),
        ({"date_echeance": "2026-01-21"}, (StatusCode.INVALID_ARGUMENT, "ECHEANCE_ANTERIEURE")),
        ({"recapitulative": True, "conditions_paiement": "J60"}, ILLEGAL),
        ({"recapitulative": True, "date_echeance": "2026-03-09"}, ILLEGAL),
    ],
)
async def test_R16_a_delay_that_the_law_forbids_is_refused(
    noon: datetime, made: Invoices, fields: dict[str, object], refusal: tuple[StatusCode, str]
) -> None:
    """Sixty days at most, forty-five for an invoice of a period; a draft may still be wrong."""
    assert await refused(made.issued(**fields)) == refusal
    assert (await made.draft(**fields)).statut == "BROUILLON"
    assert (await made.issued()).numero == "FAC2026000001"


@pytest.mark.parametrize("conditions", CONDITIONS)
async def test_R47_terms_are_known_without_organisations(made: Invoices, conditions: str) -> None:
    """Nobody has made a list of them there."""
    assert (await made.draft(conditions_paiement=conditions)).conditions_paiement == conditions


async def test_R31_an_invoice_of_a_period_is_due_within_45_days(noon: datetime, made: Invoices) -> None:
    """The 45th included; J30 as usual."""
    assert (await made.issued(recapitulative=True)).date_echeance == "2026-02-21"
    facture = await made.issued(recapitulative=True, date_echeance="2026-03-08")
    assert (facture.recapitulative, facture.date_echeance) == (True, "2026-03-08")


async def test_R17_an_invoice_is_late_the_day_after(
    noon: datetime, mesh: Mesh, org: str, made: Invoices
) -> None:
    """As it is read then, by its id and in lists; drafts never are."""
    facture = await made.issued(conditions_paiement="RECEPTION")
    await made.draft(date_echeance="2026-01-01")
    assert not (await made.read(facture.id)).en_retard
    with clock.frozen_at(noon + timedelta(days=1)):
        factures = mesh.stub(InvoiceServiceStub, organisation=org)
        assert (await factures.Get(pb.GetFactureRequest(id=facture.id))).en_retard
        late = await factures.List(pb.ListFacturesRequest(en_retard=True))
    assert [one.id for one in late.factures] == [facture.id]


@pytest.mark.parametrize(
    ("day", "rate", "sure"),
    [
        ("2024-06-30", "14.50", True),
        ("2024-07-01", "14.25", True),
        ("2025-03-01", "13.15", True),
        ("2025-12-31", "12.15", True),
        ("2026-01-01", "12.15", True),
        ("2026-11-30", "12.40", True),
        ("2027-01-01", "12.40", False),
        ("2023-01-01", "14.50", False),
    ],
)
def test_R15_rates_by_half_year(day: str, rate: str, sure: bool) -> None:
    """The last one is used again, and is not sure."""
    assert penalites.taux(date.fromisoformat(day), None) == (Decimal(rate), sure)


def test_R15_the_rate_of_the_settings_wins() -> None:
    """In any half-year."""
    assert penalites.taux(date(2030, 1, 1), Decimal("9.00")) == (Decimal("9.00"), True)


async def test_R15_finance_is_told_once_of_an_unknown_half_year(mesh: Mesh, org: str) -> None:
    """Two invoices of 2027 carry the last known rate and a warning; one notification."""
    with clock.frozen_at(datetime(2027, 1, 10, 11, tzinfo=UTC)):
        made = Invoices(mesh.stub(InvoiceServiceStub, organisation=org))
        factures = [await made.issued() for _ in range(2)]
        notifications = mesh.stub(NotificationServiceStub, organisation=org, roles=["ADMIN"])

        async def told() -> bool:
            request = ListNotificationsRequest(type="ALERTE")
            titles = [one.titre for one in (await notifications.List(request)).notifications]
            return titles == ["Taux de pénalités à confirmer"]

        await eventually(told)
    assert [(one.taux_penalites, one.indemnite_recouvrement) for one in factures] == [(12.4, 40)] * 2
    assert all("TAUX_PENALITES_A_CONFIRMER" in one.avertissements for one in factures)
