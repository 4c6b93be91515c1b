"""Rules of mandates as pure functions."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.payments import payments_pb2 as pb
from db_utils import clock
from grpc_utils.errors import ChampRequis, DateInvalide, Refusal, TransitionInterdite, ValeurInconnue
from service_payments import mandats_rules as rules
from service_payments.bank_ids import IbanInvalide
from service_payments.mandats_rules import AdresseRequise, NomInexploitable
from service_payments.sepa_models import Mandat
from tests.sample_debits import IBAN, SWISS_IBAN

_STATUTS = ("EN_ATTENTE", "ACTIF", "SUSPENDU", "REVOQUE", "EXPIRE", "CONSOMME")
_WAYS = {
    ("EN_ATTENTE", "ACTIF"),
    ("EN_ATTENTE", "REVOQUE"),
    ("ACTIF", "SUSPENDU"),
    ("ACTIF", "REVOQUE"),
    ("ACTIF", "EXPIRE"),
    ("ACTIF", "CONSOMME"),
    ("SUSPENDU", "REVOQUE"),
}


def mandat(**changed: object) -> Mandat:
    """An ACTIF mandate, but for what is *changed*."""
    told = {"organisation_id": "org-1", "client_id": "client-123", "rum": "RUM1", "statut": "ACTIF"}
    return Mandat(**told | changed)  # type: ignore[arg-type]  # the values are those of the columns


def activation(**changed: Any) -> pb.ActivateMandateRequest:
    """A signature of 12 January, but for what is *changed*."""
    told: dict[str, Any] = {"iban": IBAN, "titulaire": "Hélène Dupont", "date_signature": "2026-01-12"}
    return pb.ActivateMandateRequest(**told | changed)


@pytest.mark.parametrize("de", _STATUTS)
@pytest.mark.parametrize("vers", _STATUTS)
def test_R12_a_mandate_goes_the_listed_ways_only(de: str, vers: str) -> None:
    """All others are refused, and the refusal tells where from and where to."""
    if (de, vers) in _WAYS:
        assert rules.moved(mandat(statut=de), vers, "AC04") == {"statut": vers, "motif": "AC04"}
        return
    with pytest.raises(TransitionInterdite) as refused:
        rules.moved(mandat(statut=de), vers)
    assert refused.value.metadata == {"de": de, "vers": vers}


@pytest.mark.parametrize(
    ("code", "statut"),
    [
        *((code, "REVOQUE") for code in ("MD01", "MD07")),
        *((code, "SUSPENDU") for code in ("AC01", "AC04", "AC06", "AG01")),
        *((code, None) for code in ("AM04", "MS02", "MS03", "MD06", "NARR", "INCONNU", "")),
    ],
)
def test_R12_a_return_says_what_becomes_of_the_mandate(code: str, statut: str | None) -> None:
    """Codes about money say nothing of it; a mandate at its end stays there."""
    expected = {"statut": statut, "motif": code} if statut else {}
    assert rules.after_return(mandat(), code) == expected
    assert rules.after_return(mandat(statut="EXPIRE"), code) == {}


def test_R12_a_suspended_mandate_can_still_be_revoked_by_a_return() -> None:
    """But it is not suspended twice."""
    assert rules.after_return(mandat(statut="SUSPENDU"), "MD01") == {"statut": "REVOQUE", "motif": "MD01"}
    assert rules.after_return(mandat(statut="SUSPENDU"), "AC04") == {}


def test_R12_a_settled_one_off_mandate_is_used_up() -> None:
    """A recurrent one only remembers its first settlement."""
    day, later = date(2026, 2, 5), date(2026, 3, 5)
    assert rules.after_settlement(mandat(type="RECURRENT"), day) == {"premier_reglement_le": day}
    assert rules.after_settlement(mandat(type="RECURRENT", premier_reglement_le=day), later) == {}
    expected = {"premier_reglement_le": day, "statut": "CONSOMME"}
    assert rules.after_settlement(mandat(type="PONCTUEL"), day) == expected


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"iban": ""}, ChampRequis),
        ({"iban": "FR1520041010050500013M02606"}, IbanInvalide),
        ({"titulaire": ""}, ChampRequis),
        ({"titulaire": "& @"}, NomInexploitable),
        ({"date_signature": ""}, ChampRequis),
        ({"date_signature": "2026-01-23"}, DateInvalide),
        ({"date_signature": "2026-02-30"}, DateInvalide),
        ({"iban": SWISS_IBAN}, AdresseRequise),
        ({"iban": SWISS_IBAN, "adresse": pb.AdresseDebiteur(ville="Genève")}, AdresseRequise),
        ({"iban": SWISS_IBAN, "adresse": pb.AdresseDebiteur(pays="CH")}, AdresseRequise),
    ],
)
def test_R11_R30_a_signature_without_what_a_bank_needs_is_refused(
    changed: dict[str, object], refusal: type[Refusal]
) -> None:
    """Among it a signature of tomorrow, and an account outside the economic area without an address."""
    with clock.frozen_at(datetime(2026, 1, 22, 11, tzinfo=UTC)), pytest.raises(refusal) as refused:
        rules.signature_of(activation(**changed))
    assert IBAN not in refused.value.message


def test_R30_an_address_is_kept_in_parts() -> None:
    """The country in capitals."""
    adresse = pb.AdresseDebiteur(rue="Rue du Rhône 8", code_postal="1204", ville="Genève", pays="ch")
    signature = rules.signature_of(activation(iban=SWISS_IBAN, adresse=adresse))
    kept = {name: value for name, value in signature.columns.items() if name.startswith("adresse")}
    assert kept == {
        "adresse_rue": "Rue du Rhône 8",
        "adresse_code_postal": "1204",
        "adresse_ville": "Genève",
        "adresse_pays": "CH",
    }


def test_R11_a_mandate_is_recurrent_and_core_by_default() -> None:
    """The name sepa_core means CORE; other names are refused."""
    asked = pb.CreateMandateRequest(organisation_id="org-1", client_id="client-123")
    made = rules.new_mandat(asked, "")
    assert (made.type, made.schema, made.statut, made.societe_id) == ("RECURRENT", "CORE", "EN_ATTENTE", "")
    asked.schema = "sepa_core"
    assert rules.new_mandat(asked, "").schema == "CORE"
    asked.schema = "COR1"
    with pytest.raises(ValeurInconnue):
        rules.new_mandat(asked, "")
