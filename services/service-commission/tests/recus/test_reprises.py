"""Declencher: what is taken back of commissions, once for each key (R16–R19)."""

import asyncio
from datetime import date
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub, CommissionServiceStub, RepriseServiceStub
from grpc import StatusCode
from service_testing import refusal
from tests.ventes import Ventes


async def sold(ventes: Ventes, **bareme: Any) -> tuple[str, str, str]:
    """Apporteur, contract and payment of a commission of 4.16."""
    await ventes.bareme(**bareme)
    apporteur = await ventes.apporteur()
    contrat = await ventes.contrat(apporteur)
    return apporteur, contrat, await ventes.received(contrat)


async def validated(ventes: Ventes, apporteur: str) -> None:
    """Validate the bordereau of February."""
    stub = ventes.stub(BordereauServiceStub)
    draft = await stub.Generer(pb.GenererBordereauRequest(beneficiaire_id=apporteur, periode="2026-02"))
    await stub.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version))


async def test_R19_before_a_bordereau_the_commission_itself_is_annulled(ventes: Ventes) -> None:
    """The late return of the first payment, MD06 of 20 March."""
    _, _, payment = await sold(ventes)
    answer = await ventes.taken_back("IMPAYE", payment_id=payment, motif="MD06")
    (row,) = answer.commissions_annulees
    assert (row.statut, row.montant_repris, list(answer.reprises)) == ("ANNULEE", 4.16, [])


async def test_R16_after_a_bordereau_an_unpaid_receipt_is_taken_back_next_month(ventes: Ventes) -> None:
    """4.16, to be applied in April."""
    apporteur, contrat, payment = await sold(ventes)
    await validated(ventes, apporteur)
    (reprise,) = (await ventes.taken_back("IMPAYE", payment_id=payment, motif="MD06")).reprises
    assert (reprise.montant, reprise.periode_origine, reprise.periode_application) == (
        4.16,
        "2026-02",
        "2026-04",
    )
    assert (reprise.beneficiaire_id, reprise.contrat_id, reprise.statut) == (apporteur, contrat, "EN_ATTENTE")
    listed = await ventes.stub(RepriseServiceStub).List(pb.ListReprisesRequest(contrat_id=contrat))
    assert (list(listed.reprises), listed.total_montant) == ([reprise], 4.16)


async def test_R19_a_reprise_of_december_is_applied_in_january(ventes: Ventes) -> None:
    """The month after the event."""
    apporteur, _, payment = await sold(ventes)
    await validated(ventes, apporteur)
    answer = await ventes.taken_back("IMPAYE", payment_id=payment, date_evenement="2026-12-15")
    assert [one.periode_application for one in answer.reprises] == ["2027-01"]


async def test_R5_a_receipt_after_a_return_earns_its_initiale_again(ventes: Ventes) -> None:
    """The first one was taken back wholly."""
    _, contrat, payment = await sold(ventes)
    await ventes.taken_back("IMPAYE", payment_id=payment)
    await ventes.received(contrat, jour=date(2026, 3, 16))
    assert [(row.type, row.statut) for row in await ventes.rows()] == [
        ("INITIALE", "ANNULEE"),
        ("INITIALE", "EN_ATTENTE"),
    ]


async def test_R16_refunds_take_their_shares_up_to_the_whole(ventes: Ventes) -> None:
    """20.00 of 49.90 takes 1.67, the rest what is left."""
    _, _, payment = await sold(ventes)
    await ventes.taken_back("ANNULATION", payment_id=payment, montant=20, cle_idempotence="r-1")
    (row,) = await ventes.rows()
    assert (row.statut, row.montant_repris) == ("EN_ATTENTE", 1.67)
    await ventes.taken_back("ANNULATION", payment_id=payment, montant=49.90, cle_idempotence="r-2")
    (row,) = await ventes.rows()
    assert (row.statut, row.montant_repris) == ("ANNULEE", 4.16)


@pytest.mark.parametrize(("day", "taken"), [("2026-05-04", True), ("2026-05-05", False)])
async def test_R17_a_termination_within_the_window(ventes: Ventes, day: str, taken: bool) -> None:
    """Three months after 5 February."""
    _, contrat, _ = await sold(ventes)
    asked = ventes.taken_back("RESILIATION", contrat_id=contrat, date_evenement=day)
    if taken:
        assert [row.montant for row in (await asked).commissions_annulees] == [4.16]
    else:
        answer = await refusal(asked)
        assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "FENETRE_EXPIREE")


async def test_R18_an_advance_is_taken_back_for_the_time_to_come(ventes: Ventes) -> None:
    """49.90 on the first year; after four months 33.27 go back."""
    await ventes.bareme(precomptee=True, duree_reprises_mois=12)
    contrat, facture = await ventes.contrat(await ventes.apporteur()), await ventes.facture()
    await ventes.received(contrat, facture_id=facture, jour=date(2026, 1, 15))
    (row,) = await ventes.rows()
    assert (row.base_ht, row.montant) == (498.96, 49.90)
    await ventes.taken_back("RESILIATION", contrat_id=contrat, date_evenement="2026-05-20")
    (row,) = await ventes.rows()
    assert (row.statut, row.montant_repris) == ("EN_ATTENTE", 33.27)


async def test_R16_the_same_key_answers_the_same(ventes: Ventes) -> None:
    """Also at once, and with another key when everything is taken; other content is refused."""
    apporteur, _, payment = await sold(ventes)
    await validated(ventes, apporteur)
    told: dict[str, Any] = {"payment_id": payment, "cle_idempotence": "retour:1"}
    first, *others = await asyncio.gather(*(ventes.taken_back("IMPAYE", **told) for _ in range(5)))
    assert len(first.reprises) == 1
    assert others == [first] * 4
    assert first == await ventes.taken_back("IMPAYE", **{**told, "cle_idempotence": "retour:2"})
    answer = await refusal(ventes.taken_back("IMPAYE", **told, motif="autre"))
    assert (answer.code, answer.reason) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


async def test_R16_before_the_receipt_is_processed_the_caller_asks_again(ventes: Ventes) -> None:
    """A receipt that was ignored is answered with nothing."""
    answer = await refusal(ventes.taken_back("IMPAYE", payment_id="payment-unknown"))
    assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    ignored = await ventes.received("")
    assert await ventes.taken_back("IMPAYE", payment_id=ignored) == pb.DeclencherRepriseResponse()


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("IMPAYE", {}, "CIBLE_INVALIDE"),
        ("IMPAYE", {"payment_id": "p", "contrat_id": "c"}, "CIBLE_INVALIDE"),
        ("IMPAYE", {"contrat_id": "c"}, "CIBLE_INVALIDE"),
        ("ANNULATION", {"payment_id": "p"}, "MONTANT_INVALIDE"),
        ("ANNULATION", {"payment_id": "p", "montant": -1}, "MONTANT_INVALIDE"),
        ("AUTRE", {"payment_id": "p"}, "VALEUR_INCONNUE"),
        ("IMPAYE", {"payment_id": "p", "date_evenement": "2026-02-30"}, "DATE_INVALIDE"),
    ],
)
async def test_R16_a_demand_that_makes_no_sense(
    ventes: Ventes, kind: str, fields: dict[str, Any], reason: str
) -> None:
    """It is refused before anything is read."""
    answer = await refusal(ventes.taken_back(kind, **fields))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R19_a_reprise_beside_a_validation_is_taken_once(ventes: Ventes) -> None:
    """Either the row is annulled and its bordereau refused, or a reprise waits for the next one."""
    apporteur, _, payment = await sold(ventes)
    stub = ventes.stub(BordereauServiceStub)
    draft = await stub.Generer(pb.GenererBordereauRequest(beneficiaire_id=apporteur, periode="2026-02"))
    outcomes: Any = await asyncio.gather(
        stub.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version)),
        ventes.taken_back("IMPAYE", payment_id=payment),
        return_exceptions=True,
    )
    bordereau, answer = outcomes
    assert isinstance(answer, pb.DeclencherRepriseResponse)
    (row,) = await ventes.rows()
    whole = await ventes.stub(CommissionServiceStub).Get(pb.GetCommissionRequest(id=row.id))
    validated_first = isinstance(bordereau, pb.Bordereau)
    assert (row.montant_repris, row.statut) == (4.16, "VALIDEE" if validated_first else "ANNULEE")
    assert len(whole.reprises) == len(answer.reprises) == int(validated_first)
