"""Acomptes: how much may be paid in advance, and what becomes of it (R26)."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import AcompteServiceStub, BordereauServiceStub
from grpc import StatusCode
from service_commission.bordereau_models import Acompte
from service_testing import refusal, refused
from service_testing.fixtures import Member
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")


def asked(montant: float, **fields: Any) -> pb.CreateAcompteRequest:
    """A request for an acompte of app-1."""
    told: dict[str, Any] = {"beneficiaire_id": "app-1", "montant": montant, "periode": "2026-03"} | fields
    return pb.CreateAcompteRequest(**told)


@pytest.fixture
async def eight_hundred(dus: Dus) -> None:
    """Brut 1000 that waits, less reprises of 200."""
    await dus.commission("1000.00")
    old = await dus.commission("200.00", statut="ANNULEE")
    await dus.reprise(old, "200.00")


@pytest.mark.usefixtures("eight_hundred")
async def test_R26_half_of_what_is_due_may_be_paid_in_advance(acomptes: AcompteServiceStub) -> None:
    """400; after 300 still 100, and 100.01 is refused with the ceiling."""
    first = await acomptes.Create(asked(300, motif="Frais de route"))
    assert (first.montant, first.montant_restant, first.statut) == (300, 300, "EN_COURS")
    told = await refusal(acomptes.Create(asked(100.01)))
    assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "PLAFOND_ACOMPTE")
    assert told.metadata["plafond"] == "100.00"
    assert (await acomptes.Create(asked(100))).montant == 100
    assert (await refusal(acomptes.Create(asked(0.01)))).metadata["plafond"] == "0.00"
    listed = await acomptes.List(pb.ListAcomptesRequest(beneficiaire_id="app-1"))
    assert [one.montant for one in listed.acomptes] == [100, 300]


@pytest.mark.usefixtures("eight_hundred")
async def test_R26_acomptes_asked_at_once_stay_below_the_ceiling(
    acomptes: AcompteServiceStub, dus: Dus
) -> None:
    """Of five of 300 one is paid."""
    answers = await asyncio.gather(*(acomptes.Create(asked(300)) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, pb.Acompte) for one in answers) == 1
    assert [one.montant for one in await dus.all(Acompte)] == [Decimal("300.00")]


@pytest.mark.usefixtures("eight_hundred")
async def test_R26_a_key_pays_once(acomptes: AcompteServiceStub, dus: Dus) -> None:
    """Also when the ceiling is reached meanwhile; another content is refused (C21)."""
    asking = asked(400, cle_idempotence="avance-1")
    answers = await asyncio.gather(*(acomptes.Create(asking) for _ in range(3)))
    assert answers[0] == answers[1] == answers[2] == await acomptes.Create(asking)
    assert len(await dus.all(Acompte)) == 1
    other = await refused(acomptes.Create(asked(1, cle_idempotence="avance-1")))
    assert other == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"montant": 0}, "MONTANT_INVALIDE"),
        ({"montant": -1}, "MONTANT_INVALIDE"),
        ({"montant": float("nan")}, "MONTANT_INVALIDE"),
        ({"montant": 0.004}, "MONTANT_INVALIDE"),
        ({"periode": "2026-13"}, "PERIODE_INVALIDE"),
        ({"periode": "2026-04"}, "PERIODE_INVALIDE"),
        ({"beneficiaire_id": ""}, "CHAMP_REQUIS"),
    ],
)
async def test_R26_bad_input_is_refused(
    acomptes: AcompteServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """Amounts that are none, periods that are none or to come."""
    request = asked(**({"montant": 10.0} | fields))
    assert await refused(acomptes.Create(request)) == (StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.usefixtures("eight_hundred")
async def test_R26_an_acompte_is_taken_back_by_the_next_bordereau(
    acomptes: AcompteServiceStub, bordereaux: BordereauServiceStub
) -> None:
    """800 less 400: 400 are left to pay; a draft alone takes nothing."""
    await acomptes.Create(asked(400))
    asking = pb.GenererBordereauRequest(beneficiaire_id="app-1", periode="2026-03")
    draft = await bordereaux.Generer(asking)
    assert (draft.total_acomptes, draft.total_net) == (400, 400)
    assert (await acomptes.List(pb.ListAcomptesRequest(statut="EN_COURS"))).acomptes[0].montant_restant == 400
    await bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version))
    (taken,) = (await acomptes.List(pb.ListAcomptesRequest())).acomptes
    assert (taken.montant_restant, taken.statut) == (0, "APURE")


@pytest.mark.usefixtures("eight_hundred")
async def test_R26_others_see_no_acompte_and_pay_none(acomptes: AcompteServiceStub, stranger: Member) -> None:
    """Another organisation has nothing of that beneficiary."""
    await acomptes.Create(asked(300))
    foreign = stranger(AcompteServiceStub)
    assert list((await foreign.List(pb.ListAcomptesRequest())).acomptes) == []
    assert (await refusal(foreign.Create(asked(1)))).metadata["plafond"] == "0.00"
