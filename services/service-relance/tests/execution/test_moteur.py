"""RelanceEngineService/ExecuteRelances: runs on request, one at a time, and dry ones (R10)."""

import asyncio
from typing import Any

import grpc
import pytest
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceEngineServiceStub, RelanceServiceStub
from db_utils.clock import frozen_at
from service_relance.execution import only_run
from service_relance.models import Relance
from service_testing import code_of, refused
from sqlalchemy import select
from tests.recouvrement import LEVEL_1, LEVEL_2, Recouvrement, at

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def test_R10_a_dry_run_tells_what_would_be_done_and_does_nothing(bureau: Recouvrement) -> None:
    """Also for a day to come, and at any hour."""
    facture = await bureau.facture(await bureau.client())
    gone = await bureau.client(nom="Petit")
    await bureau.facture(gone)
    await bureau.deleted(gone)
    answer = await bureau.run(1, 30, 20, date="2026-03-09", dry_run=True)
    assert sorted((one.resultat, one.motif) for one in answer.resultats) == [
        ("EXECUTEE", ""),
        ("IGNOREE", "CLIENT_SUPPRIME"),
        ("IGNOREE", "CLIENT_SUPPRIME"),
        ("REPORTEE", "NIVEAU_PRECEDENT"),
    ]
    assert {one.statut for one in await bureau.relances()} == {"PLANIFIEE"}
    assert (await bureau.history(), await bureau.mails()) == ([], [])
    assert (await bureau.statuts(facture))[1][0] == "2026-03-09"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"date": "2026-02-30"}, "DATE_INVALIDE"), ({"date": "2026-02-21"}, "DATE_FUTURE")],
)
async def test_R10_a_day_to_come_is_for_dry_runs(
    bureau: Recouvrement, fields: dict[str, Any], reason: str
) -> None:
    """Nothing is sent before its day."""
    assert await refused(bureau.run(*LEVEL_1, **fields)) == (INVALID, reason)


async def test_R10_a_run_may_be_for_one_client_or_until_a_day(bureau: Recouvrement) -> None:
    """What is due of others, or since then, stays."""
    clients = [await bureau.client(), await bureau.client(nom="Petit", email="petit@exemple.fr")]
    for client_id in clients:
        await bureau.facture(client_id)
    assert (await bureau.run(*LEVEL_1, date="2026-02-19")).resultats == []
    assert (await bureau.run(*LEVEL_1, client_id=clients[1])).executees == 1
    assert [mail.a[0].email for mail in await bureau.mails()] == ["petit@exemple.fr"]


async def test_R10_while_a_run_is_in_progress_another_one_is_refused(bureau: Recouvrement) -> None:
    """That of another organisation is not."""
    await bureau.facture(await bureau.client())
    async with only_run(bureau.mesh["relance"].app, bureau.org) as alone:
        assert alone
        assert await refused(bureau.run(*LEVEL_1)) == (grpc.StatusCode.ABORTED, "EXECUTION_EN_COURS")
        await bureau.job(*LEVEL_1)
        other = Recouvrement(bureau.mesh, f"{bureau.org}-autre")
        assert await code_of(other.run(*LEVEL_1)) == grpc.StatusCode.OK
    assert await bureau.mails() == []


async def test_R10_of_runs_at_once_one_sends(bureau: Recouvrement) -> None:
    """One at least is answered; those that meet a running one are ABORTED; there is one mail."""
    await bureau.facture(await bureau.client())
    stub = bureau.stub(RelanceEngineServiceStub)
    with frozen_at(at(*LEVEL_1)):
        request = pb.ExecuteRelancesRequest()
        codes = await asyncio.gather(*(code_of(stub.ExecuteRelances(request)) for _ in range(4)))
    assert grpc.StatusCode.OK in codes
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.ABORTED}
    assert len(await bureau.mails()) == 1


async def test_R10_what_somebody_else_holds_is_left_to_him(bureau: Recouvrement) -> None:
    """The run does not wait for the row; the next run takes it."""
    facture = await bureau.facture(await bureau.client())
    (first, *_) = await bureau.relances(facture_id=facture.id)
    async with bureau.mesh.database("relance").transaction() as tx:
        await tx.one(select(Relance).where(Relance.cle == first.cle).with_for_update())
        answer = await bureau.run(*LEVEL_1)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("REPORTEE", "PLUS_PLANIFIEE")]
    assert (await bureau.run(*LEVEL_1, 10)).executees == 1


async def test_R21_cancelled_or_carried_out_never_both(bureau: Recouvrement) -> None:
    """A cancellation during the run either comes first or finds nothing to cancel."""
    facture = await bureau.facture(await bureau.client())
    (first, *_) = await bureau.relances(facture_id=facture.id)
    request = pb.CancelRelanceRequest(id=first.id, motif="LITIGE")
    cancelling = asyncio.ensure_future(bureau.stub(RelanceServiceStub).Cancel(request))
    answer = await bureau.run(*LEVEL_1)
    cancelled = (await cancelling).nb_annulees
    (_, statut, _), *_ = await bureau.statuts(facture)
    mails = await bureau.mails()
    assert (statut, len(mails)) == (("ANNULEE", 0) if cancelled else ("EXECUTEE", 1))
    assert answer.executees == (0 if cancelled else 1)


async def test_the_history_is_listed_by_its_fields(bureau: Recouvrement) -> None:
    """By days of Paris, both included, the latest line first."""
    client_id = await bureau.client()
    facture = await bureau.facture(client_id)
    for day in (LEVEL_1, LEVEL_2):
        await bureau.run(*day)
    first, second = await bureau.history()
    for fields, expected in (
        ({"facture_id": facture.id}, [first, second]),
        ({"client_id": client_id, "resultat": "SUCCES"}, [first, second]),
        ({"regle_relance_id": second.regle_relance_id}, [second]),
        ({"resultat": "ECHEC"}, []),
        ({"date_from": "2026-03-09"}, [second]),
        ({"date_from": "2026-02-20", "date_to": "2026-03-08"}, [first]),
        ({"date_to": "2026-02-19"}, []),
    ):
        assert await bureau.history(**fields) == expected
