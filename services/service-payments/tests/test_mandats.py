"""MandateService: one ACTIF mandate at a time, and accounts that nobody sees."""

import asyncio
import logging
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.contrats.contrats_pb2 import CreateContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from service_payments.mandats import expire_unused
from service_payments.sepa_models import Mandat
from service_testing import Mesh, refusal
from tests.sample_debits import IBAN, SWISS_IBAN

OTHER_IBAN = "FR7630006000011234567890189"
SIGNED: dict[str, Any] = {"iban": IBAN, "titulaire": "Hélène Dupont", "date_signature": "2026-01-12"}


def asked(**fields: Any) -> pb.CreateMandateRequest:
    """A request for a mandate of client-123."""
    return pb.CreateMandateRequest(**{"client_id": "client-123"} | fields)


async def of_contract(mandats: MandateServiceStub, contrat_id: str = "contrat-1") -> dict[str, str]:
    """The statut of each mandate of a contract, by id."""
    listed = await mandats.List(pb.ListMandatesRequest(contrat_id=contrat_id))
    return {one.id: one.statut for one in listed.mandates}


async def test_R11_a_contract_never_waits_for_two_signatures(mandats: MandateServiceStub, org: str) -> None:
    """Create answers the mandate that is there, EN_ATTENTE or ACTIF, until it is at its end."""
    first = await mandats.Create(asked(contrat_id="contrat-1", societe_id="soc-1"))
    assert (first.statut, first.organisation_id, first.iban_masque) == ("EN_ATTENTE", org, "")
    assert first.rum.startswith("RUMSOC10000")
    again = await asyncio.gather(
        *(mandats.Create(asked(contrat_id="contrat-1", societe_id="soc-1")) for _ in range(4))
    )
    assert all(one == first for one in again)
    active = await mandats.Activate(pb.ActivateMandateRequest(id=first.id, **SIGNED))
    assert active.statut == "ACTIF"
    assert await mandats.Create(asked(contrat_id="contrat-1", societe_id="soc-1")) == active
    await mandats.Revoke(pb.RevokeMandateRequest(id=first.id, motif="client"))
    assert (await mandats.Create(asked(contrat_id="contrat-1", societe_id="soc-1"))).id != first.id


async def test_R11_calls_at_once_make_one_mandate(mandats: MandateServiceStub) -> None:
    """Whoever comes second gets the answer of the first."""
    made = await asyncio.gather(*(mandats.Create(asked(contrat_id="contrat-1")) for _ in range(8)))
    assert len({one.id for one in made}) == 1


async def test_R11_bank_details_make_the_waiting_mandate_active(mandats: MandateServiceStub) -> None:
    """And the same ones again change nothing."""
    waiting = await mandats.Create(asked(contrat_id="contrat-1"))
    signed = await mandats.Create(asked(contrat_id="contrat-1", **SIGNED))
    assert (signed.id, signed.rum, signed.statut) == (waiting.id, waiting.rum, "ACTIF")
    assert signed.iban_masque == "FR14****2606"
    assert await mandats.Create(asked(contrat_id="contrat-1", **SIGNED)) == signed


async def test_R11_other_bank_details_are_a_new_mandate(mandats: MandateServiceStub) -> None:
    """The former one is REVOQUE, with the motif REMPLACE."""
    former = await mandats.Create(asked(contrat_id="contrat-1", **SIGNED))
    signed = await mandats.Create(asked(contrat_id="contrat-1", **SIGNED | {"iban": OTHER_IBAN}))
    assert signed.rum != former.rum
    assert await of_contract(mandats) == {former.id: "REVOQUE", signed.id: "ACTIF"}
    (read,) = (await mandats.List(pb.ListMandatesRequest(id=former.id))).mandates
    assert read.motif == "REMPLACE"


async def test_R11_a_signature_replaces_the_active_mandate_of_the_same_place_alone(
    mandats: MandateServiceStub,
) -> None:
    """Those of another société, client or contract stay."""
    places = [{}, {"societe_id": "soc-2"}, {"contrat_id": "contrat-2"}]
    others = [await mandats.Create(asked(**place, **SIGNED)) for place in places]
    replaced, *kept = others
    later = await mandats.Create(asked(**SIGNED | {"iban": OTHER_IBAN}))
    listed = (await mandats.List(pb.ListMandatesRequest(statut="ACTIF"))).mandates
    assert {one.id for one in listed} == {later.id, *(one.id for one in kept)}
    assert replaced.id not in {one.id for one in listed}


async def test_R11_activations_at_once_leave_one_active(mandats: MandateServiceStub) -> None:
    """Of several mandates of a client without a contract."""
    waiting = [await mandats.Create(asked()) for _ in range(4)]
    await asyncio.gather(
        *(mandats.Activate(pb.ActivateMandateRequest(id=one.id, **SIGNED)) for one in waiting)
    )
    listed = (await mandats.List(pb.ListMandatesRequest(client_id="client-123"))).mandates
    assert sorted(one.statut for one in listed) == ["ACTIF", "REVOQUE", "REVOQUE", "REVOQUE"]


async def test_R32_a_mandate_is_of_the_societe_of_its_contract(
    mesh: Mesh, mandats: MandateServiceStub, contrats: ContratServiceStub, org: str
) -> None:
    """Unless the request, or contrats itself, says another; so debits of the contract find it."""
    contrat = await contrats.Create(
        CreateContratRequest(client_id="client-123", produit_id="prod-456", societe_id="soc-1")
    )
    from_contract = await mandats.Create(asked(contrat_id=contrat.id))
    said = await mandats.Create(asked(contrat_id=contrat.id, societe_id="soc-2"))
    as_contrats = mesh.service_stub(MandateServiceStub, caller="contrats", organisation=org)
    by_contrats = await as_contrats.Create(asked(contrat_id=contrat.id))
    assert [one.societe_id for one in (from_contract, said, by_contrats)] == ["soc-1", "soc-2", ""]


async def test_R11_a_reference_is_given_once_in_a_societe(mandats: MandateServiceStub) -> None:
    """Another société may use it."""
    await mandats.Create(asked(rum="RUM-1"))
    told = await refusal(mandats.Create(asked(rum="RUM-1")))
    assert (told.code, told.reason) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert (await mandats.Create(asked(rum="RUM-1", societe_id="soc-2"))).rum == "RUM-1"


async def test_R12_a_mandate_ends_once(mandats: MandateServiceStub) -> None:
    """A signature for one that is revoked is refused, and so is a second end."""
    mandat = await mandats.Create(asked())
    revoked = await mandats.Revoke(pb.RevokeMandateRequest(id=mandat.id, motif="le client se retire"))
    assert (revoked.statut, revoked.motif) == ("REVOQUE", "le client se retire")
    for call in (
        mandats.Revoke(pb.RevokeMandateRequest(id=mandat.id, motif="encore")),
        mandats.Activate(pb.ActivateMandateRequest(id=mandat.id, **SIGNED)),
    ):
        told = await refusal(call)
        assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"iban": "FR1520041010050500013M02606"}, "IBAN_INVALIDE"),
        ({"iban": "TR330006100519786457841326"}, "IBAN_INVALIDE"),
        ({"iban": SWISS_IBAN}, "ADRESSE_REQUISE"),
        ({"date_signature": "2999-01-01"}, "DATE_INVALIDE"),
        ({"titulaire": "№"}, "NOM_INEXPLOITABLE"),
        ({"rum": "/RUM"}, "RUM_INVALIDE"),
        ({"schema": "COR1"}, "VALEUR_INCONNUE"),
        ({"type": "UNIQUE"}, "VALEUR_INCONNUE"),
        ({"client_id": ""}, "CHAMP_REQUIS"),
    ],
)
async def test_R11_R29_R30_what_a_bank_would_refuse_is_refused_at_once(
    mandats: MandateServiceStub, fields: dict[str, str], reason: str
) -> None:
    """And the answer never repeats the account."""
    told = await refusal(mandats.Create(asked(**SIGNED | fields)))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, reason)
    assert fields.get("iban", IBAN) not in str(told)


async def test_R11_an_account_is_in_no_table_answer_or_log(
    mesh: Mesh, mandats: MandateServiceStub, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is sealed for its row (C15)."""
    with caplog.at_level(logging.DEBUG):
        made = await mandats.Create(asked(**SIGNED))
    with within(Scope(org)):
        row = await mesh.database("payments").read().get(Mandat, made.id)
    assert row is not None
    assert row.iban_chiffre is not None
    assert row.iban_chiffre.startswith("v1.")
    for place in (repr(vars(row)), repr(made), caplog.text):
        assert IBAN not in place


async def test_R12_a_mandate_expires_36_months_after_its_last_use(
    mesh: Mesh, mandats: MandateServiceStub, org: str
) -> None:
    """After its signature when no debit has used it; last used 2023-01-10, it ends on 2026-01-10."""
    used = await mandats.Create(asked(client_id="utilise", **SIGNED | {"date_signature": "2020-01-01"}))
    never = await mandats.Create(asked(client_id="jamais", **SIGNED | {"date_signature": "2023-01-10"}))
    database = mesh.database("payments")
    with within(Scope(org)):
        async with database.transaction() as tx:
            row = await tx.get(Mandat, used.id, lock=True)
            assert row is not None
            await tx.update(row, derniere_presentation_le=date(2023, 1, 10))

    async def statuts() -> dict[str, str]:
        listed = (await mandats.List(pb.ListMandatesRequest())).mandates
        return {one.id: one.statut for one in listed}

    for day, statut in ((9, "ACTIF"), (10, "EXPIRE")):
        with clock.frozen_at(datetime(2026, 1, day, 11, tzinfo=UTC)):
            await expire_unused(mesh["payments"].app)
        assert await statuts() == dict.fromkeys((used.id, never.id), statut)
