"""PaymentService: payments made, confirmed, refused and given up by people."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import clock
from service_testing import refusal
from tests.encaissements import DUE, Encaissements


def asked(**fields: Any) -> pb.CreatePaymentRequest:
    told: dict[str, Any] = {"client_id": "client-123", "montant": 49.90, "moyen": "VIREMENT"}
    return pb.CreatePaymentRequest(**told | fields)


async def test_R13_a_transfer_is_made_and_confirmed(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """R18: its reception is told once, with its amount."""
    made = await paiements.Create(asked(libelle="Solde"))
    assert (made.statut, made.montant, made.libelle) == ("PENDING", 49.90, "Solde")
    yesterday = str(clock.today() - timedelta(days=1))
    paid = await paiements.Confirm(
        pb.ConfirmPaymentRequest(id=made.id, date_reception=yesterday, reference_externe="VIR 12")
    )
    assert ("PAID", yesterday, "VIR 12") == (paid.statut, paid.date_reception, paid.reference_externe)
    read = await paiements.Get(pb.GetPaymentRequest(id=made.id))
    assert [(step.de, step.vers, step.cause) for step in read.transitions] == [
        ("PENDING", "PAID", "CONFIRMATION")
    ]
    assert [
        (event.montant, event.date_reception.ToJsonString())
        for event in await banque.events(PaymentReceivedEvent, made.id)
    ] == [(49.90, f"{yesterday}T12:00:00Z")]


async def test_C21_a_key_makes_one_payment(paiements: PaymentServiceStub) -> None:
    first = await paiements.Create(asked(idempotency_key="k1"))
    assert first.id == (await paiements.Create(asked(idempotency_key="k1"))).id
    refused = await refusal(paiements.Create(asked(idempotency_key="k1", montant=50)))
    assert (refused.code.name, refused.reason) == ("ALREADY_EXISTS", "CLE_IDEMPOTENCE_REUTILISEE")


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"client_id": ""}, "INVALID_ARGUMENT", "CHAMP_REQUIS"),
        ({"montant": 0.0}, "INVALID_ARGUMENT", "MONTANT_INVALIDE"),
        ({"montant": float("nan")}, "INVALID_ARGUMENT", "MONTANT_INVALIDE"),
        ({"moyen": "TROC"}, "INVALID_ARGUMENT", "VALEUR_INCONNUE"),
        ({"moyen": "SEPA_DEBIT", "montant": 1e9}, "INVALID_ARGUMENT", "MONTANT_INVALIDE"),
        ({"moyen": "SEPA_DEBIT"}, "FAILED_PRECONDITION", "MANDAT_ABSENT"),
        ({"schedule_id": "0198c0de-0000-7000-8000-000000000000"}, "NOT_FOUND", "INTROUVABLE"),
        ({"facture_id": "0198c0de-0000-7000-8000-000000000000"}, "NOT_FOUND", "INTROUVABLE"),
        ({"mandat_id": "mandat-1"}, "NOT_FOUND", "INTROUVABLE"),
    ],
)
async def test_bad_payments_are_refused(
    paiements: PaymentServiceStub, fields: dict[str, Any], code: str, reason: str
) -> None:
    refused = await refusal(paiements.Create(asked(**fields)))
    assert (code, reason) == (refused.code.name, refused.reason)


async def test_R15_a_debit_takes_the_mandate_of_the_client(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    mandat = await banque.mandat()
    made = await paiements.Create(asked(moyen="SEPA_DEBIT", client_id=mandat.client_id, societe_id="soc-1"))
    assert (str(mandat.id), "SEPA_FILE", clock.today().isoformat()) == (
        made.mandat_id,
        made.provider,
        made.date_prelevement,
    )


async def test_R15_a_client_is_not_debited_under_the_mandate_of_another_one(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """Neither under one that the payment names, nor under that of the schedule of another client."""
    mandat = await banque.mandat()
    echeance = await banque.echeance(mandat_id=mandat.id, client_id=mandat.client_id)
    for fields in ({"mandat_id": str(mandat.id)}, {"schedule_id": str(echeance.echeancier_id)}):
        refused = await refusal(paiements.Create(asked(moyen="SEPA_DEBIT", societe_id="soc-1", **fields)))
        assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "MANDAT_ABSENT")


async def test_R33_a_transfer_takes_the_echeance_of_the_invoice_that_it_pays(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """Less than the échéance does not; while it is paid, a second one does not either."""
    echeance = await banque.echeance(facture="facture-ext-1")
    little = await paiements.Create(asked(facture_id="facture-ext-1", montant=9.99))
    enough = await paiements.Create(asked(facture_id="facture-ext-1", montant=10))
    second = await paiements.Create(asked(facture_id="facture-ext-1", montant=10))
    assert ["", str(echeance.id), ""] == [one.echeance_id for one in (little, enough, second)]
    await paiements.Confirm(pb.ConfirmPaymentRequest(id=enough.id))
    assert await banque.statut(echeance) == "PAYEE"


async def test_R13_a_debit_is_confirmed_once_it_is_with_the_bank(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    waiting = await banque.submitted(statut="PENDING")
    refused = await refusal(paiements.Confirm(pb.ConfirmPaymentRequest(id=str(waiting.id))))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "TRANSITION_INTERDITE")
    debit = await banque.submitted()
    assert (await paiements.Confirm(pb.ConfirmPaymentRequest(id=str(debit.id)))).statut == "PAID"
    again = await refusal(paiements.Confirm(pb.ConfirmPaymentRequest(id=str(debit.id))))
    assert again.code.name == "FAILED_PRECONDITION"


async def test_a_confirmation_of_tomorrow_is_refused(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    debit = await banque.submitted()
    day = str(clock.today() + timedelta(days=2))
    refused = await refusal(paiements.Confirm(pb.ConfirmPaymentRequest(id=str(debit.id), date_reception=day)))
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "DATE_INVALIDE")


async def test_R22_the_codes_of_a_return_are_told_in_their_order(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """Who reads the refusal finds a code, and it is the same sentence each time."""
    debit = await banque.submitted()
    refused = await refusal(paiements.Reject(pb.RejectPaymentRequest(id=str(debit.id), motif_rejet="ZZ99")))
    admis = refused.message.partition("admis : ")[2].rstrip(").").split(", ")
    assert " ".join(admis) == (
        "AC01 AC04 AC06 AC13 AG01 AG02 AM04 AM05 BE05 CNOR DNOR ED05 FF01 FF05 MD01 MD02 MD06 MD07"
        " MS02 MS03 RC01 RR01 RR02 RR03 RR04 SL01 TM01"
    )


async def test_R18_a_confirmation_of_long_ago_is_refused(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """A mistyped year would put the receipt and its commission into a period that is over."""
    debit, transfer = await banque.submitted(), await paiements.Create(asked())
    long_ago = clock.today() - timedelta(days=401)
    for payment_id, day in ((debit.id, DUE - timedelta(days=6)), (transfer.id, long_ago)):
        refused = await refusal(
            paiements.Confirm(pb.ConfirmPaymentRequest(id=str(payment_id), date_reception=str(day)))
        )
        assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "DATE_INVALIDE")


@pytest.mark.parametrize(
    ("code", "days", "r_type"),
    [
        ("AM04", 0, "RETOUR"),
        ("MD06", 0, "REMBOURSEMENT"),
        ("MD01", 1, "RETOUR"),
        ("MD01", 20, "REMBOURSEMENT"),
        ("AC04", -1, "REJET"),
    ],
)
async def test_R19_R22_a_person_tells_a_return(
    paiements: PaymentServiceStub, banque: Encaissements, code: str, days: int, r_type: str
) -> None:
    due = clock.today() - timedelta(days=20)
    debit = await banque.submitted(date_prelevement=due)
    day = str(due + timedelta(days=days))
    told = await paiements.Reject(
        pb.RejectPaymentRequest(id=str(debit.id), motif_rejet=code, date_rejet=day, message="vu au guichet")
    )
    assert ("REJECTED", code, r_type, "vu au guichet") == (
        told.statut,
        told.motif_rejet,
        told.r_type,
        told.motif_texte,
    )
    assert [(code, 10.0)] == [
        (event.motif_rejet, event.montant)
        for event in await banque.events(PaymentRejectedEvent, str(debit.id))
    ]


@pytest.mark.parametrize(
    ("code", "days", "reason"),
    [
        ("XX99", 0, "VALEUR_INCONNUE"),
        ("", 0, "CHAMP_REQUIS"),
        ("AM04", -6, "DATE_INVALIDE"),
        ("AM04", 10, "DATE_INVALIDE"),
    ],
)
async def test_R22_bad_returns_are_refused(
    paiements: PaymentServiceStub, banque: Encaissements, code: str, days: int, reason: str
) -> None:
    """The code is one of the list; the day is not in the future, nor 5 days before the debit."""
    debit = await banque.submitted(date_prelevement=clock.today())
    day = str(clock.today() + timedelta(days=days))
    request = pb.RejectPaymentRequest(id=str(debit.id), motif_rejet=code, date_rejet=day)
    refused = await refusal(paiements.Reject(request))
    assert ("INVALID_ARGUMENT", reason) == (refused.code.name, refused.reason)


async def test_R13_only_what_waits_is_given_up(paiements: PaymentServiceStub, banque: Encaissements) -> None:
    waiting, debit = await banque.submitted(statut="PENDING"), await banque.submitted()
    cancelled = await paiements.Cancel(pb.CancelPaymentRequest(id=str(waiting.id), motif="erreur"))
    assert cancelled.statut == "CANCELLED"
    refused = await refusal(paiements.Cancel(pb.CancelPaymentRequest(id=str(debit.id), motif="erreur")))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "TRANSITION_INTERDITE")


async def test_R18_a_confirmation_and_a_report_at_once_are_one_outcome(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    """One of them settles the debit, the other finds it settled."""
    debit = await banque.submitted()
    results = await asyncio.gather(
        paiements.Confirm(pb.ConfirmPaymentRequest(id=str(debit.id))),
        banque.report(banque.credit(debit)),
        return_exceptions=True,
    )
    assert not isinstance(results[1], BaseException)
    assert await banque.way(debit) == ["PAID"]
    assert len(await banque.events(PaymentReceivedEvent, str(debit.id))) == 1


async def test_payments_are_listed_by_what_they_are(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    debit = await banque.submitted(contrat_id="contrat-1")
    await banque.submitted(statut="PENDING", date_prelevement=date(2026, 4, 7), montant_rembourse=Decimal(0))

    async def listed(**filters: Any) -> list[str]:
        answer = await paiements.List(pb.ListPaymentsRequest(**filters))
        return [one.statut for one in answer.payments]

    assert await listed() == ["PENDING", "SUBMITTED"]
    assert await listed(statut=["SUBMITTED", "PAID"]) == ["SUBMITTED"]
    assert await listed(contrat_id="contrat-1") == ["SUBMITTED"]
    assert await listed(date_from="2026-04-01", date_to="2026-04-30") == ["PENDING"]
    assert await listed(moyen="CARTE") == []
    refused = await refusal(paiements.List(pb.ListPaymentsRequest(statut=["PERDU"])))
    assert refused.reason == "VALEUR_INCONNUE"
    assert (await paiements.Get(pb.GetPaymentRequest(id=str(debit.id)))).statut == "SUBMITTED"
