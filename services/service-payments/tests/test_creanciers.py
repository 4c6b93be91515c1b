"""Creditors: one per société, its account sealed."""

import logging
from typing import Any

import pytest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from grpc import StatusCode
from service_testing import refusal
from tests.sample_debits import IBAN, OUR_IBAN

TOLD: dict[str, Any] = {"nom": "Société Élan", "ics": "FR72 ZZZ 123456", "iban": OUR_IBAN, "bic": "AGRIFRPP"}


def save(**fields: Any) -> pb.SaveCreancierRequest:
    """A request to save the creditor of the default société."""
    return pb.SaveCreancierRequest(**TOLD | fields)


async def test_R11_a_societe_has_one_creditor(sepa: SepaServiceStub, org: str) -> None:
    """A second Save replaces what the first has said; the default société has one of its own."""
    first = await sepa.SaveCreancier(save(societe_id="soc-1"))
    expected = pb.Creancier(
        id=first.id,
        organisation_id=org,
        societe_id="soc-1",
        nom="Société Élan",
        ics="FR72ZZZ123456",
        iban_masque="FR76****0189",
        bic="AGRIFRPP",
        preavis_jours=14,
        delai_remise_jours_ouvres=2,
        confirmation_auto_jours_ouvres=5,
        sequence_premier="RCUR",
        provider="SEPA_FILE",
        created_at=first.created_at,
        updated_at=first.updated_at,
        version=1,
    )
    assert first == expected
    assert await sepa.SaveCreancier(save(societe_id="soc-1")) == first
    changed = await sepa.SaveCreancier(
        save(societe_id="soc-1", iban=IBAN, preavis_jours=0, confirmation_auto_jours_ouvres=0)
    )
    assert (changed.id, changed.version, changed.iban_masque) == (first.id, 2, "FR14****2606")
    assert (changed.preavis_jours, changed.confirmation_auto_jours_ouvres) == (0, 0)
    assert await sepa.GetCreancier(pb.GetCreancierRequest(societe_id="soc-1")) == changed
    assert (await refusal(sepa.GetCreancier(pb.GetCreancierRequest()))).code == StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"ics": "FR73ZZZ123456"}, StatusCode.INVALID_ARGUMENT, "ICS_INVALIDE"),
        ({"iban": "FR1520041010050500013M02606"}, StatusCode.INVALID_ARGUMENT, "IBAN_INVALIDE"),
        ({"bic": "AGRI"}, StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE"),
        ({"nom": ""}, StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS"),
        ({"nom": "№ @"}, StatusCode.INVALID_ARGUMENT, "NOM_INEXPLOITABLE"),
        ({"nom": "a" * 71}, StatusCode.INVALID_ARGUMENT, "TROP_LONG"),
        ({"preavis_jours": 61}, StatusCode.INVALID_ARGUMENT, "DELAI_INVALIDE"),
        ({"delai_remise_jours_ouvres": 0}, StatusCode.INVALID_ARGUMENT, "DELAI_INVALIDE"),
        ({"sequence_premier": "OOFF"}, StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE"),
        ({"provider": "BANQUE"}, StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE"),
        ({"provider": "STRIPE"}, StatusCode.FAILED_PRECONDITION, "PRESTATAIRE_NON_CONFIGURE"),
    ],
)
async def test_R11_R29_a_creditor_that_no_bank_would_take_is_refused(
    sepa: SepaServiceStub, fields: dict[str, Any], code: StatusCode, reason: str
) -> None:
    """A provider without an adapter is known by name only."""
    told = await refusal(sepa.SaveCreancier(save(**fields)))
    assert (told.code, told.reason) == (code, reason)
    assert "20041010050500013" not in str(told)


async def test_R11_the_account_of_a_creditor_is_in_no_answer_or_log(
    sepa: SepaServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    """It is sealed for its row (C15)."""
    with caplog.at_level(logging.DEBUG):
        saved = await sepa.SaveCreancier(save())
    assert OUR_IBAN not in f"{saved} {caplog.text}"
