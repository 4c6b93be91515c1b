"""Disputes of commissions: until when, and what is corrected (R27)."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub, CommissionServiceStub
from db_utils import clock
from grpc import StatusCode
from service_commission.contestations import last_day
from service_commission.models import Commission, Reprise
from service_testing import Mesh, refused
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")
MOTIF = "Le contrat est à moi depuis janvier"


async def drafted(bordereaux: BordereauServiceStub, periode: str = "2026-02") -> pb.Bordereau:
    """The draft of app-1."""
    return await bordereaux.Generer(pb.GenererBordereauRequest(beneficiaire_id="app-1", periode=periode))


async def paid(bordereaux: BordereauServiceStub) -> pb.Bordereau:
    """The bordereau of app-1, validated."""
    draft = await drafted(bordereaux)
    return await bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version))


async def disputed(commissions: CommissionServiceStub, row: Commission) -> pb.Contestation:
    """A dispute of *row*."""
    return await commissions.Contester(pb.ContesterRequest(commission_id=str(row.id), motif=MOTIF))


def decided(contestation: pb.Contestation, decision: str = "ACCEPTEE", **fields: Any) -> Any:
    """A request that decides *contestation*."""
    told = {"contestation_id": contestation.id, "decision": decision, "commentaire": "Vérifié"}
    return pb.TraiterContestationRequest(**(told | fields))


@pytest.mark.parametrize(
    ("valide_le", "expected"),
    [
        (datetime(2026, 3, 5, 10, 30, tzinfo=UTC), date(2026, 5, 5)),
        (datetime(2025, 12, 31, 10, 0, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2027, 2, 1)),  # 1 December in Paris
    ],
)
def test_R27_the_last_day_is_two_months_after_the_validation(valide_le: datetime, expected: date) -> None:
    """A day of Paris, at the end of a month that is too short."""
    assert last_day(valide_le) == expected


async def test_R27_a_disputed_commission_leaves_the_drafts(
    bordereaux: BordereauServiceStub, commissions: CommissionServiceStub, dus: Dus
) -> None:
    """The draft that was read can no longer be validated; once it is decided the commission is due again."""
    row = await dus.commission()
    await dus.commission("1.00")
    draft = await drafted(bordereaux)
    contestation = await disputed(commissions, row)
    assert (contestation.statut, contestation.motif) == ("OUVERTE", MOTIF)
    after = await bordereaux.Get(pb.GetBordereauRequest(id=draft.id))
    assert (after.total_net, after.nombre_lignes) == (1, 1)
    stale = pb.ValiderBordereauRequest(id=draft.id, version=draft.version)
    assert await refused(bordereaux.Valider(stale)) == (StatusCode.ABORTED, "VERSION_PERIMEE")
    done = await commissions.TraiterContestation(decided(contestation, "REJETEE"))
    assert (done.statut, done.commentaire, done.HasField("montant_correction")) == (
        "REJETEE",
        "Vérifié",
        False,
    )
    assert (await drafted(bordereaux)).total_net == 5.16
    shown = await commissions.Get(pb.GetCommissionRequest(id=str(row.id)))
    assert list(shown.contestations) == [done]


async def test_R27_a_validated_commission_is_disputed_within_two_months(
    bordereaux: BordereauServiceStub, mesh: Mesh, dus: Dus
) -> None:
    """Validated on 5 March: on 5 May yes, on 6 May no."""
    row = await dus.commission()
    await paid(bordereaux)
    with clock.frozen_at(datetime(2026, 5, 5, 22, 30, tzinfo=UTC)):  # 6 May in Paris
        async with mesh.channel("commission", mesh.secrets.token(organisation=dus.org)) as channel:
            told = await refused(disputed(CommissionServiceStub(channel), row))
    assert told == (StatusCode.FAILED_PRECONDITION, "DELAI_DEPASSE")
    with clock.frozen_at(datetime(2026, 5, 5, 21, 30, tzinfo=UTC)):
        async with mesh.channel("commission", mesh.secrets.token(organisation=dus.org)) as channel:
            assert (await disputed(CommissionServiceStub(channel), row)).statut == "OUVERTE"


async def test_R27_a_correction_above_zero_is_paid_in_the_current_period(
    bordereaux: BordereauServiceStub, commissions: CommissionServiceStub, dus: Dus
) -> None:
    """As a commission of its own, without a payment."""
    row = await dus.commission()
    await paid(bordereaux)
    contestation = await disputed(commissions, row)
    await commissions.TraiterContestation(decided(contestation, montant_correction=1.84))
    (found,) = (await commissions.List(pb.ListCommissionsRequest(type="REGULARISATION"))).commissions
    assert (found.montant, found.periode, found.statut) == (1.84, "2026-03", "EN_ATTENTE")
    assert (found.reference, found.payment_id) == ("COM-2026-03-000001", "")
    assert (found.beneficiaire_id, found.contrat_id) == ("app-1", "contrat-1")
    assert (await drafted(bordereaux, "2026-03")).total_net == 1.84


async def test_R27_a_correction_below_zero_is_taken_back(
    bordereaux: BordereauServiceStub, commissions: CommissionServiceStub, dus: Dus
) -> None:
    """As a reprise of the month after; never more than is left."""
    row = await dus.commission()
    await paid(bordereaux)
    contestation = await disputed(commissions, row)
    told = await refused(commissions.TraiterContestation(decided(contestation, montant_correction=-4.17)))
    assert told == (StatusCode.FAILED_PRECONDITION, "CORRECTION_TROP_GRANDE")
    await commissions.TraiterContestation(decided(contestation, montant_correction=-1.16))
    (taken,) = await dus.all(Reprise)
    assert (taken.type, taken.montant, taken.statut) == ("ANNULATION", Decimal("1.16"), "EN_ATTENTE")
    assert taken.periode_application == "2026-04"
    assert (await dus.stored(row)).montant_repris == Decimal("1.16")


async def test_R27_a_commission_that_waits_is_corrected_itself(
    commissions: CommissionServiceStub, bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """No reprise is needed of what was not paid; wholly taken back it is annulled."""
    row = await dus.commission()
    contestation = await disputed(commissions, row)
    await commissions.TraiterContestation(decided(contestation, montant_correction=-1.16))
    assert (await drafted(bordereaux)).total_net == 3.00
    again = await disputed(commissions, row)
    await commissions.TraiterContestation(decided(again, montant_correction=-3.00))
    assert (await dus.stored(row)).statut == "ANNULEE"
    assert await dus.all(Reprise) == []
    assert (await refused(disputed(commissions, row)))[1] == "COMMISSION_ANNULEE"


async def test_R27_there_is_one_open_dispute(commissions: CommissionServiceStub, dus: Dus) -> None:
    """Of several at once one is opened; a decided one is decided."""
    row = await dus.commission()
    answers = await asyncio.gather(*(disputed(commissions, row) for _ in range(4)), return_exceptions=True)
    (opened,) = [one for one in answers if isinstance(one, pb.Contestation)]
    assert (await refused(disputed(commissions, row)))[1] == "CONTESTATION_OUVERTE"
    decisions = await asyncio.gather(
        *(commissions.TraiterContestation(decided(opened, montant_correction=1)) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, pb.Contestation) for one in decisions) == 1
    told = await refused(commissions.TraiterContestation(decided(opened)))
    assert told == (StatusCode.FAILED_PRECONDITION, "CONTESTATION_DECIDEE")
    assert len((await commissions.List(pb.ListCommissionsRequest(type="REGULARISATION"))).commissions) == 1


@pytest.mark.parametrize(
    ("motif", "reason"), [("", "CHAMP_REQUIS"), ("trop peu", "MOTIF_TROP_COURT"), ("x" * 1001, "TROP_LONG")]
)
async def test_R27_a_dispute_has_a_reason(
    commissions: CommissionServiceStub, dus: Dus, motif: str, reason: str
) -> None:
    """Of 10 to 1000 characters."""
    row = await dus.commission()
    request = pb.ContesterRequest(commission_id=str(row.id), motif=motif)
    assert await refused(commissions.Contester(request)) == (StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"decision": "PEUT_ETRE"}, "VALEUR_INCONNUE"),
        ({"decision": ""}, "CHAMP_REQUIS"),
        ({"decision": "REJETEE", "commentaire": ""}, "CHAMP_REQUIS"),
        ({"decision": "REJETEE", "montant_correction": 1}, "MONTANT_INVALIDE"),
        ({"montant_correction": float("inf")}, "MONTANT_INVALIDE"),
    ],
)
async def test_R27_a_decision_is_one_of_two_and_explained(
    commissions: CommissionServiceStub, dus: Dus, fields: dict[str, Any], reason: str
) -> None:
    """What is rejected is not corrected."""
    contestation = await disputed(commissions, await dus.commission())
    told = await refused(commissions.TraiterContestation(decided(contestation, **fields)))
    assert told == (StatusCode.INVALID_ARGUMENT, reason)
