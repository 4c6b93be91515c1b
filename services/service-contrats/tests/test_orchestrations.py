"""Activer, Suspendre, Resilier, and the record of these calls (R14 to R16)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub
from db_utils import clock
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from grpc_utils import timestamp
from service_contrats.models import Contrat
from service_testing import Mesh, code_of, eventually, refusal, refused
from sqlalchemy import select
from tests.en_statut import MONTHLY, Contracts

pytestmark = pytest.mark.usefixtures("noon")
Calls = ContractOrchestrationServiceStub
Operation = Callable[[Calls, str, str], Awaitable[pb.OrchestrationResponse]]
WITH_MOTIF: dict[str, Operation] = {
    "suspendre": lambda calls, one, motif: calls.Suspendre(
        pb.SuspendreContratRequest(contrat_id=one, motif=motif)
    ),
    "resilier": lambda calls, one, motif: calls.Resilier(
        pb.ResilierContratRequest(contrat_id=one, motif=motif)
    ),
}
AGAIN: dict[str, Operation] = {
    "ACTIF": lambda calls, one, motif: calls.Activer(pb.ActiverContratRequest(contrat_id=one, motif=motif)),
    "SUSPENDU": WITH_MOTIF["suspendre"],
    "RESILIE": WITH_MOTIF["resilier"],
}


async def history_of(calls: Calls, contrat: pb.Contrat) -> list[pb.OrchestrationHistory]:
    """The calls about *contrat*, the latest first."""
    return list((await calls.GetHistory(pb.GetContratHistoryRequest(contrat_id=contrat.id))).history)


async def test_R14_the_first_activation_begins_the_contract(made: Contracts, noon: datetime) -> None:
    """On its day, today by default; the end follows."""
    contrat = await made.signed(**MONTHLY, date_debut="2026-02-01", date_signature=timestamp(noon))
    assert contrat.date_fin == "2027-01-31"
    with clock.frozen_at(noon + timedelta(minutes=50)):
        active = await made.activated(contrat.id)
    assert (active.statut, active.date_debut, active.date_fin) == ("ACTIF", "2026-03-10", "2027-03-09")
    assert active.montant_total == contrat.montant_total


@pytest.mark.parametrize(
    ("date_effet", "ok"),
    [
        ("2026-03-06", False),
        ("2026-03-07", True),
        ("2026-03-10", True),
        ("2026-03-11", False),
        ("2026-02-30", False),
    ],
)
async def test_R14_a_contract_is_active_from_its_signature_to_today(
    made: Contracts, orchestrations: Calls, noon: datetime, date_effet: str, ok: bool
) -> None:
    """It was signed at half past midnight of 7 March in Paris, which is 6 March in UTC."""
    signed_at = datetime.fromisoformat("2026-03-06T23:30:00+00:00")
    contrat = await made.signed(**MONTHLY, date_signature=timestamp(signed_at))
    request = pb.ActiverContratRequest(contrat_id=contrat.id, date_effet=date_effet)
    if ok:
        assert (await orchestrations.Activer(request)).contrat.date_debut == date_effet
    else:
        told = await refusal(orchestrations.Activer(request))
        assert (told.reason, told.metadata) == ("DATE_INVALIDE", {"champ": "date_effet"})
        assert await made.read(contrat.id) == contrat


async def test_R14_a_later_activation_leaves_the_dates(made: Contracts, noon: datetime) -> None:
    """A suspension does not make a contract longer."""
    contrat = await made.active(**MONTHLY)
    await made.suspended(contrat.id)
    with clock.frozen_at(noon + timedelta(minutes=50)):
        again = await made.activated(contrat.id, motif="payé")
    assert (again.statut, again.date_debut, again.date_fin) == ("ACTIF", contrat.date_debut, contrat.date_fin)
    assert (await made.details(contrat.id)).historique[-1].motif == "payé"


@pytest.mark.parametrize("operation", WITH_MOTIF)
@pytest.mark.parametrize(
    ("motif", "reason"),
    [("", "MOTIF_TROP_COURT"), (" ab ", "MOTIF_TROP_COURT"), ("x" * 501, "TROP_LONG")],
)
async def test_R15_a_motif_has_3_to_500_characters(
    made: Contracts, orchestrations: Calls, operation: str, motif: str, reason: str
) -> None:
    """Otherwise the contract stays as it was."""
    contrat = await made.active()
    told = await refusal(WITH_MOTIF[operation](orchestrations, contrat.id, motif))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": "motif"},
    )
    assert await made.read(contrat.id) == contrat
    for right in ("abc", "x" * 500):
        fresh = await made.active()
        await WITH_MOTIF[operation](orchestrations, fresh.id, right)
        assert (await made.details(fresh.id)).historique[-1].motif == right


@pytest.mark.parametrize(
    ("date_resiliation", "ok"),
    [
        ("", True),
        ("2026-03-08", True),
        ("2026-03-07", False),
        ("2026-03-11", False),
        ("2026-02-30", False),
    ],
)
async def test_R15_a_contract_ends_with_its_termination(
    made: Contracts, orchestrations: Calls, noon: datetime, date_resiliation: str, ok: bool
) -> None:
    """Between its beginning, here 8 March, and today, which is the default."""
    contrat = await made.signed(**MONTHLY, date_signature=timestamp(noon - timedelta(days=2)))
    contrat = await made.activated(contrat.id, date_effet="2026-03-08")
    request = pb.ResilierContratRequest(
        contrat_id=contrat.id, motif="déménagement", date_resiliation=date_resiliation
    )
    if ok:
        ended = (await orchestrations.Resilier(request)).contrat
        day = date_resiliation or "2026-03-10"
        assert (ended.statut, ended.date_resiliation, ended.date_fin) == ("RESILIE", day, day)
        assert ended.motif_resiliation == "déménagement"
    else:
        told = await refusal(orchestrations.Resilier(request))
        assert (told.reason, told.metadata) == ("DATE_INVALIDE", {"champ": "date_resiliation"})
        assert await made.read(contrat.id) == contrat


async def test_R16_a_success_is_on_record(made: Contracts, orchestrations: Calls, noon: datetime) -> None:
    """With its request, what it led to, and when."""
    contrat = await made.signed()
    request = pb.ActiverContratRequest(contrat_id=contrat.id, date_effet="2026-03-10", motif="début")
    answer = await orchestrations.Activer(request)
    assert (answer.success, answer.message, answer.mandat_statut) == (True, "Contrat activé.", "SANS_OBJET")
    assert answer.contrat == await made.read(contrat.id)
    (record,) = await history_of(orchestrations, contrat)
    assert (record.id, record.contrat_id) == (answer.history_id, contrat.id)
    assert (record.operation, record.status, record.error_message) == ("activer", "success", "")
    assert MessageToDict(record.payload) == MessageToDict(request, preserving_proto_field_name=True)
    assert MessageToDict(record.response_payload) == {"message": "Contrat activé.", "statut": "ACTIF"}
    assert (record.started_at, record.finished_at) == (timestamp(noon), timestamp(noon))


@pytest.mark.parametrize(
    ("operation", "motif", "sentence"),
    [
        ("suspendre", "impayé", "Ce changement d'état est interdit (de : SIGNE ; vers : SUSPENDU)."),
        ("resilier", "départ", "Ce changement d'état est interdit (de : SIGNE ; vers : RESILIE)."),
        ("resilier", "", "Un motif compte au moins 3 caractères (champ : motif)."),
    ],
)
async def test_R16_a_refusal_is_on_record(
    made: Contracts, orchestrations: Calls, operation: str, motif: str, sentence: str
) -> None:
    """With its sentence; also when the call carries an idempotency key, whose transaction is undone."""
    contrat = await made.signed()
    calls: dict[str, tuple[Any, Any]] = {
        "suspendre": (orchestrations.Suspendre, pb.SuspendreContratRequest),
        "resilier": (orchestrations.Resilier, pb.ResilierContratRequest),
    }
    for metadata in ((), (("idempotency-key", "k1"),)):
        method, request = calls[operation]
        await refusal(method(request(contrat_id=contrat.id, motif=motif), metadata=metadata))
        (record, *_) = await history_of(orchestrations, contrat)
        assert (record.operation, record.status, record.error_message) == (operation, "failure", sentence)
        assert record.HasField("finished_at")
    assert len(await history_of(orchestrations, contrat)) == 2


async def test_R16_a_key_makes_one_call_of_many(made: Contracts, orchestrations: Calls) -> None:
    """The second is answered with what the first has made; there is one record."""
    contrat = await made.signed()
    request = pb.ActiverContratRequest(contrat_id=contrat.id)
    answers = [await orchestrations.Activer(request, metadata=(("idempotency-key", "k1"),)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert [one.status for one in await history_of(orchestrations, contrat)] == ["success"]


@pytest.mark.parametrize("statut", AGAIN)
async def test_R16_what_is_done_is_told_so(made: Contracts, orchestrations: Calls, statut: str) -> None:
    """It is a success on record, with no line in the history of the statut."""
    contrat = await made.in_statut(statut)
    before = await made.details(contrat.id)
    answer = await AGAIN[statut](orchestrations, contrat.id, "encore")
    assert (answer.success, answer.message) == (True, "déjà fait")
    assert await made.details(contrat.id) == before
    (record, *_) = await history_of(orchestrations, contrat)
    assert (record.id, record.status) == (answer.history_id, "success")


async def test_R16_many_calls_at_once_change_the_statut_once(made: Contracts, orchestrations: Calls) -> None:
    """Each is on record, and all but one are told that it is done."""
    contrat = await made.signed()
    request = pb.ActiverContratRequest(contrat_id=contrat.id)
    answers = await asyncio.gather(*(orchestrations.Activer(request) for _ in range(8)))
    assert sorted(one.message for one in answers) == ["Contrat activé.", *["déjà fait"] * 7]
    assert [one.nouveau_statut for one in (await made.details(contrat.id)).historique] == ["SIGNE", "ACTIF"]
    records = await history_of(orchestrations, contrat)
    assert [one.status for one in records] == ["success"] * 8


async def test_R16_a_call_that_was_given_up_is_on_record(
    mesh: Mesh, made: Contracts, orchestrations: Calls
) -> None:
    """Its caller does not wait for another one, who holds the contract; nothing has changed."""
    contrat = await made.active()
    locked = select(Contrat.id).where(Contrat.id == UUID(contrat.id)).with_for_update()
    request = pb.SuspendreContratRequest(contrat_id=contrat.id, motif="impayé")
    async with mesh.database("contrats").transaction() as tx:
        await tx.all(locked)
        impatient: Any = orchestrations.Suspendre
        assert await code_of(impatient(request, timeout=0.3)) == StatusCode.DEADLINE_EXCEEDED

    async def failed() -> bool:
        return (await history_of(orchestrations, contrat))[0].status == "failure"

    await eventually(failed)
    (record, *_) = await history_of(orchestrations, contrat)
    assert record.error_message == "L'appel n'a pas abouti (CancelledError)."
    assert await made.read(contrat.id) == contrat


async def test_R16_calls_about_nothing_leave_no_record(
    made: Contracts, orchestrations: Calls, foreign_orchestrations: Calls
) -> None:
    """A contract that does not exist, or another organisation's."""
    contrat = await made.signed()
    unknown = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
    for calls, one in (
        (orchestrations, unknown),
        (orchestrations, "x"),
        (foreign_orchestrations, contrat.id),
    ):
        for call in (
            calls.Activer(pb.ActiverContratRequest(contrat_id=one)),
            WITH_MOTIF["suspendre"](calls, one, ""),
            WITH_MOTIF["resilier"](calls, one, ""),
            calls.GetHistory(pb.GetContratHistoryRequest(contrat_id=one)),
        ):
            assert await refused(call) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert await refused(orchestrations.Activer(pb.ActiverContratRequest())) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
    )
    assert await history_of(orchestrations, contrat) == []
