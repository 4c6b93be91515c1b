"""Figures about what was carried out (R23)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import grpc
import pytest
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceEngineServiceStub, RelanceServiceStub
from db_utils import clock, uuid7
from psycopg.errors import RaiseException
from service_relance.models import HistoriqueRelance, ReglementVu
from service_testing import Mesh, refusal
from service_testing.fixtures import of_member
from sqlalchemy import delete, update
from tests.rappels import planned

moteur = of_member(RelanceEngineServiceStub)

FIRST = datetime(2026, 2, 20, 9, tzinfo=UTC)
SECOND = datetime(2026, 3, 9, 9, tzinfo=UTC)
FEBRUARY = {"date_from": "2026-02-01", "date_to": "2026-02-28"}


async def carried_out(mesh: Mesh, relance: pb.Relance, **fields: Any) -> None:
    """Insert a line of the history of *relance*."""
    usual = {
        "organisation_id": relance.organisation_id,
        "relance_id": UUID(relance.id),
        "regle_relance_id": UUID(relance.regle_id),
        "client_id": relance.client_id,
        "facture_id": relance.facture_id or None,
        "date_execution": FIRST,
        "resultat": "SUCCES",
    }
    async with mesh.database("relance").transaction() as tx:
        await tx.insert(HistoriqueRelance(**{**usual, **fields}))


@pytest.fixture
async def relance(mesh: Mesh, org: str, relances: RelanceServiceStub) -> dict[str, pb.Relance]:
    """Reminders of two invoices and a welcome, by their keys."""
    fields = {"declencheur": "IMPAYE", "montant": 100}
    await planned(
        mesh,
        org,
        {**fields, "niveau": 1, "facture_id": "facture-7", "cle": "7n1"},
        {**fields, "niveau": 2, "facture_id": "facture-7", "cle": "7n2"},
        {**fields, "niveau": 1, "facture_id": "facture-8", "cle": "8n1"},
        {"cle": "bienvenue"},
    )
    return {one.cle: one for one in (await relances.List(pb.ListRelancesRequest())).relances}


async def test_R23_lines_of_the_period_are_counted(
    mesh: Mesh, moteur: RelanceEngineServiceStub, relance: dict[str, pb.Relance]
) -> None:
    """By result, trigger and level; an invoice counts once, with what its last reminder asked for."""
    await carried_out(mesh, relance["7n1"])
    await carried_out(mesh, relance["7n2"], date_execution=SECOND, metadata_={"montant_du": 60.5})
    await carried_out(mesh, relance["8n1"], resultat="ECHEC")
    await carried_out(mesh, relance["8n1"], date_execution=SECOND)
    await carried_out(mesh, relance["bienvenue"], resultat="IGNORE")
    asked = pb.GetStatistiquesRelanceRequest(date_from="2026-02-20", date_to="2026-03-09")
    assert await moteur.GetStatistiques(asked) == pb.StatistiquesRelance(
        total=5,
        succes=3,
        echec=1,
        ignore=1,
        par_declencheur=[
            pb.StatistiquesDeclencheur(declencheur="IMPAYE", total=4, succes=3, echec=1),
            pb.StatistiquesDeclencheur(declencheur="NOUVEAU_CLIENT", total=1, ignore=1),
        ],
        par_niveau=[
            pb.StatistiquesNiveau(niveau=1, total=3, succes=2, echec=1),
            pb.StatistiquesNiveau(niveau=2, total=1, succes=1),
        ],
        montant_relance=160.5,
        montant_regle_apres_relance=0.0,
    )
    february = await moteur.GetStatistiques(pb.GetStatistiquesRelanceRequest(**FEBRUARY))
    assert (february.total, february.montant_relance) == (3, 100.0)


@pytest.mark.parametrize(
    ("instant", "counted"),
    [
        (datetime(2026, 1, 31, 22, 59, tzinfo=UTC), 0),
        (datetime(2026, 1, 31, 23, 0, tzinfo=UTC), 1),
        (datetime(2026, 2, 28, 22, 59, tzinfo=UTC), 1),
        (datetime(2026, 2, 28, 23, 0, tzinfo=UTC), 0),
    ],
)
async def test_R23_a_period_is_of_days_in_paris(
    mesh: Mesh,
    moteur: RelanceEngineServiceStub,
    relance: dict[str, pb.Relance],
    instant: datetime,
    counted: int,
) -> None:
    """From the midnight before the first day to that after the last."""
    await carried_out(mesh, relance["7n1"], date_execution=instant)
    answer = await moteur.GetStatistiques(pb.GetStatistiquesRelanceRequest(**FEBRUARY))
    assert answer.total == counted


async def test_R23_without_history_everything_is_zero(moteur: RelanceEngineServiceStub) -> None:
    """There is no delay of payments that were not made."""
    answer = await moteur.GetStatistiques(pb.GetStatistiquesRelanceRequest(**FEBRUARY))
    assert answer == pb.StatistiquesRelance(montant_regle_apres_relance=0.0)
    assert not answer.HasField("delai_moyen_reglement_jours")


async def test_R23_what_was_paid_within_thirty_days_after_a_reminder_counts(
    mesh: Mesh, org: str, moteur: RelanceEngineServiceStub, relance: dict[str, pb.Relance]
) -> None:
    """Days are counted from the last reminder before; neither early, late nor rejected payments count."""
    await carried_out(mesh, relance["7n1"])
    await carried_out(mesh, relance["7n2"], date_execution=SECOND)
    await carried_out(mesh, relance["8n1"])
    await carried_out(mesh, relance["bienvenue"])
    await paid(mesh, org, "facture-7", 40.0, date(2026, 2, 19))  # the day before level 1
    await paid(mesh, org, "facture-7", 60.0, date(2026, 3, 1))  # nine days after level 1
    await paid(mesh, org, "facture-7", 30.5, date(2026, 4, 8))  # thirty days after level 2
    await paid(mesh, org, "facture-7", 20.0, date(2026, 4, 9))
    await paid(mesh, org, "facture-8", 100.0, date(2026, 2, 25), rejete_le=date(2026, 3, 2))
    await paid(mesh, f"{org}-autre", "facture-8", 100.0, date(2026, 2, 25))
    asked = pb.GetStatistiquesRelanceRequest(date_from="2026-02-20", date_to="2026-03-09")
    answer = await moteur.GetStatistiques(asked)
    assert (answer.montant_regle_apres_relance, answer.delai_moyen_reglement_jours) == (90.5, 19.5)


async def paid(mesh: Mesh, org: str, facture_id: str, montant: float, day: date, **fields: Any) -> None:
    """Insert a payment of the invoice."""
    async with mesh.database("relance").transaction() as tx:
        await tx.insert(
            ReglementVu(
                organisation_id=org,
                payment_id=str(uuid7()),
                facture_id=facture_id,
                montant=Decimal(str(montant)),
                date_reception=day,
                **fields,
            )
        )


@pytest.mark.parametrize(
    ("first", "last", "reason", "champ"),
    [
        ("", "2026-02-28", "CHAMP_REQUIS", "date_from"),
        ("2026-02-01", "", "CHAMP_REQUIS", "date_to"),
        ("2026-02-30", "2026-03-01", "DATE_INVALIDE", "date_from"),
        ("2026-03-01", "2026-02-28", "DATE_INVALIDE", "date_to"),
        ("9999-12-31", "9999-12-31", "DATE_INVALIDE", "date_from"),
        ("2020-01-01", "2026-01-01", "PERIODE_TROP_LONGUE", "date_to"),
    ],
)
async def test_R23_a_period_has_two_days_and_five_years_at_most(
    moteur: RelanceEngineServiceStub, first: str, last: str, reason: str, champ: str
) -> None:
    """The refusal names the field."""
    request = pb.GetStatistiquesRelanceRequest(date_from=first, date_to=last)
    answer = await refusal(moteur.GetStatistiques(request))
    assert (answer.code, answer.reason, answer.metadata["champ"]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        reason,
        champ,
    )


@pytest.mark.parametrize("statement", [update, delete])
async def test_a_line_of_the_history_is_never_changed(
    mesh: Mesh, org: str, relance: dict[str, pb.Relance], statement: Any
) -> None:
    """The database refuses a change, and a deletion within five years."""
    await carried_out(mesh, relance["7n1"], date_execution=clock.now())
    change = statement(HistoriqueRelance).where(HistoriqueRelance.organisation_id == org)
    if statement is update:
        change = change.values(resultat="ECHEC")
    with pytest.raises(RaiseException, match="historique_relance is append-only"):
        async with mesh.database("relance").transaction() as tx:
            await tx.execute(change)
