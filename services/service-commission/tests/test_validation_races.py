"""A bordereau that is validated while its commissions are taken back or disputed (R19, R25, R27)."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import (
    BordereauServiceStub,
    CommissionServiceStub,
    RepriseServiceStub,
)
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_commission.models import Commission, Reprise
from service_testing.refusals import read
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")
ROUNDS = 12


def returned(row: Commission) -> pb.DeclencherRepriseRequest:
    """The payment of *row* comes back."""
    return pb.DeclencherRepriseRequest(
        type="IMPAYE",
        payment_id=row.payment_id or "",
        date_evenement="2026-03-05",
        cle_idempotence=f"retour:{row.payment_id}",
    )


@pytest.mark.parametrize("first", ["validation", "return"])
async def test_R25_a_commission_is_either_paid_or_annulled(
    bordereaux: BordereauServiceStub, reprises: RepriseServiceStub, dus: Dus, first: str
) -> None:
    """Paid with a reprise that takes it back, or annulled and the validation refused; never both."""
    for number in range(ROUNDS):
        row = await dus.commission("4.16", f"app-{number}")
        await dus.commission("1.00", f"app-{number}")
        draft = await bordereaux.Generer(
            pb.GenererBordereauRequest(beneficiaire_id=f"app-{number}", periode="2026-02")
        )
        calls = [
            bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version)),
            reprises.Declencher(returned(row)),
        ]
        answers = await asyncio.gather(
            *(calls if first == "validation" else reversed(calls)), return_exceptions=True
        )
        validation = next(one for one in answers if not isinstance(one, pb.DeclencherRepriseResponse))
        after = await dus.stored(row)
        taken = [one for one in await dus.all(Reprise) if one.commission_id == row.id]
        assert after.montant_repris == Decimal("4.16")
        if isinstance(validation, AioRpcError):
            assert read(validation).code == StatusCode.ABORTED
            assert (after.statut, taken) == ("ANNULEE", [])
        else:
            assert isinstance(validation, pb.Bordereau)
            assert validation.total_net == 5.16
            assert (after.statut, [one.montant for one in taken]) == ("VALIDEE", [Decimal("4.16")])


async def test_R27_a_dispute_is_before_or_after_a_validation(
    bordereaux: BordereauServiceStub, commissions: CommissionServiceStub, dus: Dus
) -> None:
    """Before it the draft is another one and refused; after it the commission was paid."""
    for number in range(ROUNDS):
        row = await dus.commission("4.16", f"app-{number}")
        draft = await bordereaux.Generer(
            pb.GenererBordereauRequest(beneficiaire_id=f"app-{number}", periode="2026-02")
        )
        validation, contestation = await asyncio.gather(
            bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version)),
            commissions.Contester(pb.ContesterRequest(commission_id=str(row.id), motif="Pas à ce taux-là")),
            return_exceptions=True,
        )
        assert isinstance(contestation, pb.Contestation)
        after = await dus.stored(row)
        if isinstance(validation, AioRpcError):
            assert read(validation).code == StatusCode.ABORTED
            assert after.statut == "EN_ATTENTE"
        else:
            assert after.statut == "VALIDEE"


async def test_R25_bordereaux_of_one_beneficiary_pay_a_commission_once(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """The drafts of three months hold it, and are validated at once."""
    await dus.commission("4.16", date_encaissement=date(2026, 1, 5))
    drafts = [
        await bordereaux.Generer(pb.GenererBordereauRequest(beneficiaire_id="app-1", periode=periode))
        for periode in ("2026-01", "2026-02", "2026-03")
    ]
    answers = await asyncio.gather(
        *(bordereaux.Valider(pb.ValiderBordereauRequest(id=one.id, version=one.version)) for one in drafts),
        return_exceptions=True,
    )
    paid = [one for one in answers if isinstance(one, pb.Bordereau)]
    assert [(one.total_net, one.reference[-6:]) for one in paid] == [(4.16, "000001")]
    assert {read(one).reason for one in answers if isinstance(one, AioRpcError)} == {"BORDEREAU_PERIME"}
