"""Rules as pure functions: moves of states, colours, addresses, phones, due dates."""

from datetime import date

import pytest
from crm.organisations import organisations_pb2 as pb
from grpc_utils.errors import FormatInvalide, TransitionInterdite
from service_organisations import rules, termes
from service_organisations.models import Entree, Organisation, Partenaire

ETATS = ("essai", "actif", "suspendu", "inactif")
ETAT_MOVES = {
    ("essai", "actif"),
    ("essai", "inactif"),
    ("actif", "suspendu"),
    ("actif", "inactif"),
    ("suspendu", "actif"),
    ("suspendu", "inactif"),
    ("inactif", "actif"),
}
STATUTS = ("PROSPECT", "ACTIF", "SUSPENDU", "RESILIE")
STATUT_MOVES = {
    ("PROSPECT", "ACTIF"),
    ("PROSPECT", "RESILIE"),
    ("ACTIF", "SUSPENDU"),
    ("ACTIF", "RESILIE"),
    ("SUSPENDU", "ACTIF"),
    ("SUSPENDU", "RESILIE"),
}


@pytest.mark.parametrize("wanted", ETATS)
@pytest.mark.parametrize("former", ETATS)
def test_R05_an_organisation_moves_along_the_list(former: str, wanted: str) -> None:
    """A move of the table and no move are accepted, any other is refused."""
    organisation = Organisation(nom="Martin", etat=former)
    request = pb.UpdateOrganisationRequest(etat=wanted)
    if former == wanted or (former, wanted) in ETAT_MOVES:
        assert rules.organisation_changes(organisation, request)["etat"] == wanted
    else:
        with pytest.raises(TransitionInterdite):
            rules.organisation_changes(organisation, request)


@pytest.mark.parametrize("wanted", STATUTS)
@pytest.mark.parametrize("former", STATUTS)
def test_R11_a_partner_moves_along_the_list(former: str, wanted: str) -> None:
    """A move of the table and no move are accepted, any other is refused."""
    partenaire = Partenaire(
        organisation_id="org-1", denomination="M", siren="1", contact_support_email="a@b.fr", statut=former
    )
    request = pb.UpdatePartenaireRequest(statut=wanted)
    if former == wanted or (former, wanted) in STATUT_MOVES:
        assert rules.partenaire_changes(partenaire, request)["statut"] == wanted
    else:
        with pytest.raises(TransitionInterdite):
            rules.partenaire_changes(partenaire, request)


@pytest.mark.parametrize("text", ["red", "#abc", "#12345", "#1234567", "#gggggg", "123456", "#１２３４５６"])
def test_R09_a_colour_is_three_bytes(text: str) -> None:
    """A text other than a hash and six hexadecimal digits is FORMAT_INVALIDE."""
    with pytest.raises(FormatInvalide) as refused:
        rules.colour(text, "couleur_primaire")
    assert refused.value.metadata == {"champ": "couleur_primaire"}


@pytest.mark.parametrize("text", ["+33 (0)1.02-03", "0123456789", ""])
def test_R16_a_phone_is_free_text_of_digits_and_signs(text: str) -> None:
    """A phone of digits and allowed signs is kept as typed."""
    assert rules.telephone(text, "telephone") == (text or None)


@pytest.mark.parametrize("text", ["06 12 ext", "0612/13", "０６", "06\n12", "06\t12"])
def test_R16_a_phone_holds_nothing_else(text: str) -> None:
    """Letters, other signs, other white space and digits of other scripts are refused."""
    with pytest.raises(FormatInvalide):
        rules.telephone(text, "telephone")


@pytest.mark.parametrize(
    ("invoiced_on", "days", "end_of_month", "due"),
    [
        (date(2026, 1, 31), 30, True, date(2026, 3, 31)),
        (date(2026, 1, 15), 30, True, date(2026, 2, 28)),
        (date(2026, 1, 15), 30, False, date(2026, 2, 14)),
        (date(2024, 1, 30), 30, True, date(2024, 2, 29)),
        (date(2026, 12, 20), 15, True, date(2027, 1, 31)),
        (date(2026, 1, 31), 0, False, date(2026, 1, 31)),
        (date(2026, 2, 1), None, False, date(2026, 2, 1)),
    ],
)
def test_R15_days_are_counted_before_the_end_of_the_month(
    invoiced_on: date, days: int | None, end_of_month: bool, due: date
) -> None:
    """Due dates cross years and leap days, and a term may have no delay."""
    terms = Entree(
        organisation_id=None,
        famille=termes.CONDITION_PAIEMENT,
        code="X",
        nom="X",
        delai_jours=days,
        fin_de_mois=end_of_month,
    )
    assert termes.due_date(invoiced_on, terms) == due
