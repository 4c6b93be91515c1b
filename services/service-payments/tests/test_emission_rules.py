"""Rules of emission as pure functions."""

import re
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from db_utils import uuid7
from db_utils.clock import PARIS
from service_payments import emission_rules as rules
from service_payments.emission_rules import Blocage, FactureLue
from service_payments.models import Echeancier, Payment
from service_payments.sepa_models import Mandat
from tests.test_mandats_rules import mandat


def payment(**changed: object) -> Payment:
    """A debit of 49.90 of contrat-1, but for what is *changed*."""
    told = {
        "organisation_id": "org-1",
        "client_id": "client-123",
        "contrat_id": "contrat-1",
        "moyen": "SEPA_DEBIT",
        "montant": Decimal("49.90"),
        "end_to_end_id": "E1",
        "cle_idempotence": "pay:1:1",
    }
    return Payment(**told | changed)  # type: ignore[arg-type]  # the values are those of the columns


def schedule(**changed: object) -> Echeancier:
    """A schedule of contrat-1, but for what is *changed*."""
    told = {
        "organisation_id": "org-1",
        "client_id": "client-123",
        "contrat_id": "contrat-1",
        "frequence": "MENSUELLE",
        "date_debut": date(2026, 1, 26),
        "moyen": "SEPA_DEBIT",
        "statut": "ACTIVE",
    }
    return Echeancier(**told | changed)  # type: ignore[arg-type]  # the values are those of the columns


@pytest.mark.parametrize(
    ("local", "begun"),
    [
        ("2026-02-03 05:59", None),
        ("2026-02-03 06:00", "2026-02-03 06:00"),
        ("2026-02-03 10:59", "2026-02-03 06:00"),
        ("2026-07-03 11:00", "2026-07-03 11:00"),
        ("2026-02-03 23:59", "2026-02-03 11:00"),
    ],
)
def test_R14_runs_begin_at_six_and_eleven_in_paris(local: str, begun: str | None) -> None:
    """In winter and in summer; one that was missed is made good the same day."""
    found = rules.slot(datetime.fromisoformat(local).replace(tzinfo=PARIS))
    assert found == (datetime.fromisoformat(begun).replace(tzinfo=PARIS) if begun else None)


@pytest.mark.parametrize(
    ("local", "delai", "days"),
    [
        ("2026-02-03 13:59", 1, 1),
        ("2026-02-03 14:00", 1, 2),
        ("2026-02-03 14:00", 3, 3),
        ("2026-02-04 14:00", 1, 1),
    ],
)
def test_R14_a_file_after_the_cut_off_has_two_days_at_least(local: str, delai: int, days: int) -> None:
    """It counts for the next business day; a run for another day than today is not late."""
    now = datetime.fromisoformat(local).replace(tzinfo=PARIS)
    assert rules.days_before(delai, date(2026, 2, 3), now) == days


def chosen(wanted: Payment, plan: Echeancier | None, *known: Mandat) -> Mandat | str:
    """The mandate of *wanted* among *known*."""
    by_id = {one.id: one for one in known}
    by_place = {(one.client_id, one.contrat_id or ""): one for one in known if one.statut == "ACTIF"}
    return rules.mandate_for(wanted, plan, by_id, by_place)


def test_R15_the_mandate_is_the_payments_else_the_schedules_else_what_was_signed() -> None:
    """For the contract first, then for the client without a contract."""
    own, planned, general = mandat(), mandat(), mandat()
    signed = mandat(contrat_id="contrat-1")
    plan = schedule(mandat_id=planned.id)
    assert chosen(payment(mandat_id=own.id), plan, own, planned, signed, general) is own
    assert chosen(payment(), plan, planned, signed, general) is planned
    assert chosen(payment(), schedule(), signed, general) is signed
    assert chosen(payment(), None, general, mandat(contrat_id="contrat-2")) is general
    assert chosen(payment(), None, mandat(contrat_id="contrat-2")) == "MANDAT_ABSENT"
    assert chosen(payment(), None, mandat(client_id="client-456")) == "MANDAT_ABSENT"


@pytest.mark.parametrize(
    ("statut", "motif"),
    [
        ("EN_ATTENTE", "MANDAT_ABSENT"),
        ("SUSPENDU", "MANDAT_SUSPENDU"),
        ("REVOQUE", "MANDAT_ABSENT"),
        ("EXPIRE", "MANDAT_ABSENT"),
        ("CONSOMME", "MANDAT_ABSENT"),
    ],
)
def test_R15_a_mandate_that_is_not_active_gives_way_to_one_signed_later(statut: str, motif: str) -> None:
    """Without one the debit stays behind."""
    former, signed = mandat(statut=statut), mandat(contrat_id="contrat-1")
    assert chosen(payment(mandat_id=former.id), None, former) == motif
    assert chosen(payment(mandat_id=former.id), None, former, signed) is signed


@pytest.mark.parametrize("other", [{"client_id": "client-456"}, {"societe_id": "soc-2"}])
def test_R15_nobody_is_debited_under_the_mandate_of_another(other: dict[str, str]) -> None:
    """Also where the payment or its schedule names it."""
    foreign = mandat(**other)
    assert chosen(payment(mandat_id=foreign.id), None, foreign) == "MANDAT_ABSENT"
    assert chosen(payment(), schedule(mandat_id=foreign.id), foreign) == "MANDAT_ABSENT"


def test_R15_a_debtor_whom_the_bank_would_refuse_stays_behind() -> None:
    """For his name (R29), or for his address outside the economic area (R30)."""
    named = {"titulaire": "Hélène"}
    assert rules.unwritable(mandat(titulaire="№ @"), outside_eea=False) == "NOM_INEXPLOITABLE"
    assert rules.unwritable(mandat(**named), outside_eea=False) == ""
    assert rules.unwritable(mandat(**named), outside_eea=True) == "ADRESSE_REQUISE"
    located = mandat(**named, adresse_ville="Genève", adresse_pays="CH")
    assert rules.unwritable(located, outside_eea=True) == ""


@pytest.mark.parametrize(
    ("statut", "motif"), [("PAUSED", "SCHEDULE_PAUSED"), ("ACTIVE", ""), ("COMPLETED", "")]
)
def test_R15_a_debit_of_a_paused_schedule_is_held(statut: str, motif: str) -> None:
    """A payment without a schedule never is."""
    assert rules.held(schedule(statut=statut)) == motif
    assert rules.held(None) == ""


@pytest.mark.parametrize(
    ("solde", "in_flight", "montant"),
    [
        ("49.90", "0", "49.90"),
        ("20.00", "0", "20.00"),
        ("49.90", "40.00", "9.90"),
        ("49.90", "49.90", "0.00"),
    ],
)
def test_R16_no_more_is_debited_than_is_owed_and_not_on_its_way(
    solde: str, in_flight: str, montant: str
) -> None:
    """What other debits of the same invoice have with the bank is taken off."""
    facture = FactureLue("FAC1", Decimal(solde), "EMISE")
    assert rules.amount(payment(), facture, Decimal(in_flight)) == Decimal(montant)
    assert rules.amount(payment(), None, Decimal(0)) == Decimal("49.90")


@pytest.mark.parametrize(
    ("statut", "solde", "reglee"),
    [("PAYEE", "0", True), ("ANNULEE", "49.90", True), ("EMISE", "0", True), ("EMISE", "0.01", False)],
)
def test_R16_an_invoice_that_is_paid_or_cancelled_is_not_debited(
    statut: str, solde: str, reglee: bool
) -> None:
    """Nor one of which nothing is owed; one that nobody knows says nothing."""
    assert FactureLue("FAC1", Decimal(solde), statut).reglee is reglee
    assert not FactureLue(inconnue=True).reglee


@pytest.mark.parametrize(
    ("type_", "premier", "settled", "sequence"),
    [
        ("PONCTUEL", "RCUR", None, "OOFF"),
        ("RECURRENT", "RCUR", None, "RCUR"),
        ("RECURRENT", "RCUR", date(2026, 2, 5), "RCUR"),
        ("RECURRENT", "FRST", None, "FRST"),
        ("RECURRENT", "FRST", date(2026, 2, 5), "RCUR"),
    ],
)
def test_R17_the_sequence_is_first_only_for_a_bank_that_insists(
    type_: str, premier: str, settled: date | None, sequence: str
) -> None:
    """Until a debit of the mandate was settled: one that is rejected before leaves it first."""
    assert rules.sequence(mandat(type=type_, premier_reglement_le=settled), premier) == sequence


def test_R17_names_of_files_and_debits() -> None:
    """The debit is named after its payment, the file after its day."""
    assert (
        rules.end_to_end_id(UUID("0199a0b0-0000-7000-8000-00000000000a")) == "E0199a0b0000070008000"
        "00000000000a"
    )
    assert re.fullmatch(r"R20260203[0-9A-F]{8}", rules.new_msg_id(date(2026, 2, 3)))


@pytest.mark.parametrize(
    ("montant", "taken"),
    [("0.00", False), ("0.01", True), ("999999999.99", True), ("1000000000.00", False)],
)
def test_R17_a_debit_has_the_amount_that_sepa_takes(montant: str, taken: bool) -> None:
    """From a cent to 999 999 999.99."""
    assert rules.debitable(Decimal(montant)) is taken


def test_R15_the_finance_team_reads_how_many_are_held_for_what() -> None:
    """One line, by motif."""
    motifs = ("MANDAT_SUSPENDU", "MANDAT_ABSENT", "MANDAT_ABSENT")
    sentence = rules.told(Blocage(uuid7(), motif) for motif in motifs)
    assert sentence == (
        "2 × MANDAT_ABSENT (faites signer un mandat au client),"
        " 1 × MANDAT_SUSPENDU (demandez au client de nouvelles coordonnées bancaires)"
    )
