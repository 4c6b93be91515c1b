"""Rules of reminders as pure functions: the default set, planned days, the welcome."""

from datetime import date

import pytest
from db_utils import uuid7
from service_relance.models import RegleRelance
from service_relance.rules import Jour, bienvenue, default_rules, weekday


def welcome_rule(delai_jours: int = 7) -> RegleRelance:
    """Rule for new clients."""
    return RegleRelance(
        organisation_id="org-123",
        nom="Appel de bienvenue",
        declencheur="NOUVEAU_CLIENT",
        delai_jours=delai_jours,
        action_type="CREER_TACHE",
    )


def test_R01_the_default_set_is_the_agreed_one() -> None:
    """The set has six active rules for the whole organisation, in this order."""
    rules = default_rules("org-123")
    assert [
        (one.ordre, one.declencheur, one.niveau, one.delai_jours, one.action_type, one.priorite_tache)
        for one in rules
    ] == [
        (1, "IMPAYE", 1, 15, "ENVOYER_EMAIL", "MOYENNE"),
        (2, "IMPAYE", 2, 30, "TACHE_ET_EMAIL", "HAUTE"),
        (3, "IMPAYE", 3, 45, "CREER_TACHE", "HAUTE"),
        (4, "REJET_PRELEVEMENT", 0, 2, "CREER_TACHE", "HAUTE"),
        (5, "NOUVEAU_CLIENT", 0, 7, "CREER_TACHE", "MOYENNE"),
        (6, "CONTRAT_BIENTOT_EXPIRE", 0, -30, "CREER_TACHE", "MOYENNE"),
    ]
    assert {(one.organisation_id, one.societe_id, one.actif) for one in rules} == {("org-123", "", True)}


@pytest.mark.parametrize(
    ("day", "shifted"),
    [
        (date(2026, 2, 20), date(2026, 2, 20)),
        (date(2026, 3, 7), date(2026, 3, 9)),
        (date(2026, 3, 22), date(2026, 3, 23)),
        (date(2026, 4, 20), date(2026, 4, 20)),
    ],
)
def test_R05_a_weekend_becomes_the_monday_after(day: date, shifted: date) -> None:
    """Saturdays and Sundays move to Monday; Fridays and Mondays stay."""
    assert weekday(day) == shifted


def test_R05_a_day_chosen_without_the_calendar_is_marked() -> None:
    """A weekday that may be a holiday, such as 2026-05-01, is kept and marked."""
    planned = bienvenue(welcome_rule(), "client-123", "", date(2026, 4, 24), {})
    assert (planned.date_prevue, planned.a_recalculer) == (date(2026, 5, 1), True)


def test_R05_a_day_that_the_calendar_has_chosen_is_not_marked() -> None:
    """2026-05-01 is a Friday and a holiday: the calendar says Monday."""
    jours = {date(2026, 5, 1): Jour(date(2026, 5, 4))}
    planned = bienvenue(welcome_rule(), "client-123", "", date(2026, 4, 24), jours)
    assert (planned.date_prevue, planned.a_recalculer) == (date(2026, 5, 4), False)


@pytest.mark.parametrize(
    ("creation", "delai_jours", "planned"),
    [
        (date(2026, 1, 8), 7, date(2026, 1, 15)),
        (date(2026, 1, 10), 7, date(2026, 1, 19)),
        (date(2026, 1, 8), 0, date(2026, 1, 8)),
    ],
)
def test_R07_a_welcome_comes_so_many_days_after_the_creation(
    creation: date, delai_jours: int, planned: date
) -> None:
    """Calendar days are counted; a weekend moves to Monday."""
    assert bienvenue(welcome_rule(delai_jours), "client-123", "", creation, {}).date_prevue == planned


def test_R07_a_welcome_is_named_by_its_client() -> None:
    """The key names the client, which makes the reminder the only one."""
    regle, client_id = welcome_rule(), str(uuid7())
    planned = bienvenue(regle, client_id, "soc-1", date(2026, 1, 8), {})
    assert (planned.cle, planned.regle_id, planned.organisation_id, planned.societe_id, planned.statut) == (
        f"client:{client_id}:bienvenue",
        regle.id,
        "org-123",
        "soc-1",
        "PLANIFIEE",
    )
