"""Decisions of a run as pure functions: order of levels (R13), groups (R14), one mail a day (R15)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from db_utils import uuid7
from service_relance.decisions import Group, grouped, in_order, one_mail
from service_relance.models import Relance

TODAY = date(2026, 3, 23)
_REGLE = uuid7()


def reminder(number: int = 1, **fields: Any) -> Relance:
    """Reminder number *number* of client-123, level 1 of an invoice that is due today."""
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "organisation_id": "org-1",
        "regle_id": _REGLE,
        "declencheur": "IMPAYE",
        "niveau": 1,
        "client_id": "client-123",
        "facture_id": "facture-7",
        "date_prevue": TODAY,
        "a_recalculer": False,
        "cle": f"cle-{number}",
    }
    return Relance(**(usual | fields))


def ended(niveau: int, statut: str, day: int, **fields: Any) -> Relance:
    """Reminder of a level that ended in *statut* on *day* of March 2026."""
    le = datetime(2026, 3, day, 8, tzinfo=UTC)
    return reminder(niveau, niveau=niveau, statut=statut, executee_le=le, **fields)


@pytest.mark.parametrize(
    ("former", "expected"),
    [
        ([], TODAY),
        ([ended(1, "EXECUTEE", 16)], TODAY),
        ([ended(1, "EXECUTEE", 17)], date(2026, 3, 24)),
        ([ended(1, "IGNOREE", 20)], date(2026, 3, 27)),
        ([ended(1, "ECHEC", 23)], date(2026, 3, 30)),
        ([ended(1, "ANNULEE", 23)], TODAY),
        ([reminder(1, date_prevue=date(2026, 3, 27))], date(2026, 4, 3)),
        ([reminder(1, date_prevue=date(2026, 2, 20))], date(2026, 3, 30)),
        ([ended(1, "EXECUTEE", 2), ended(2, "ANNULEE", 20)], TODAY),
        ([ended(1, "EXECUTEE", 20, facture_id="facture-8")], TODAY),
    ],
)
def test_R13_a_level_waits_seven_days_for_the_former_one(former: list[Relance], expected: date) -> None:
    """From its end, or from the day for which it is planned; what was cancelled does not count."""
    third = reminder(9, niveau=3)
    ready, moved = in_order([third], [*former, third], TODAY)
    assert ([one.id for one in ready], [move.not_before for move in moved]) == (
        ([third.id], []) if expected == TODAY else ([], [expected])
    )


def test_R13_after_six_weeks_only_the_first_level_goes() -> None:
    """The second one is moved to a week later, the third to two weeks later."""
    levels = [reminder(niveau, niveau=niveau, date_prevue=date(2026, 2, 20)) for niveau in (1, 2, 3)]
    ready, moved = in_order(list(reversed(levels)), levels, TODAY)
    assert [one.niveau for one in ready] == [1]
    assert [(move.relance.niveau, move.not_before, move.motif) for move in moved] == [
        (2, date(2026, 3, 30), "NIVEAU_PRECEDENT"),
        (3, date(2026, 4, 6), "NIVEAU_PRECEDENT"),
    ]


def test_R13_a_level_that_was_planned_again_counts_as_it_is_planned_last() -> None:
    """Level 1 was cancelled, then planned again after a rejected payment: level 2 waits for it."""
    again = reminder(5, niveau=1, date_prevue=date(2026, 3, 25))
    second = reminder(6, niveau=2)
    _, moved = in_order([second], [ended(1, "ANNULEE", 2), again, second], TODAY)
    assert [move.not_before for move in moved] == [date(2026, 4, 1)]


def test_R13_only_unpaid_invoices_have_levels_in_order() -> None:
    """A welcome and a rejected debit are carried out whatever else is planned."""
    others = [
        reminder(2, declencheur="NOUVEAU_CLIENT", niveau=0, facture_id=None),
        reminder(3, declencheur="REJET_PRELEVEMENT", niveau=0),
    ]
    ready, moved = in_order(others, [reminder(1), *others], TODAY)
    assert (len(ready), moved) == (2, [])


@pytest.mark.parametrize(
    ("other", "groups"),
    [
        ({"facture_id": "facture-8"}, 1),
        ({"niveau": 2}, 2),
        ({"societe_id": "soc-1"}, 2),
        ({"client_id": "client-124"}, 2),
        ({"declencheur": "REJET_PRELEVEMENT"}, 2),
        ({"envoi_id": UUID(int=7)}, 2),
    ],
)
def test_R14_what_has_client_societe_trigger_and_level_in_common_goes_together(
    other: dict[str, Any], groups: int
) -> None:
    """But what a former run has begun stays as it was then."""
    assert len(grouped([reminder(1), reminder(2, **other)])) == groups


def group(number: int, **fields: Any) -> Group:
    """Group of one reminder."""
    return Group((reminder(number, **fields),))


@pytest.mark.parametrize(
    ("mailed", "goes"),
    [
        ([group(1)], 1),
        ([group(1), group(2, niveau=2)], 2),
        ([group(1, niveau=0), group(2, niveau=0, date_prevue=date(2026, 3, 20))], 2),
        ([group(1, envoi_id=UUID(int=1)), group(2, niveau=2)], 1),
    ],
)
def test_R15_one_mail_a_day_goes_the_others_wait(mailed: list[Group], goes: int) -> None:
    """The one that may be on its way, else the highest level, else the oldest; the others wait a day."""
    call = group(9, declencheur="NOUVEAU_CLIENT", niveau=0)
    kept, moved = one_mail([*mailed, call], mailed, written_today=False, today=TODAY)
    assert {one.first.id for one in kept} == {UUID(int=goes), call.first.id}
    assert {move.relance.id for move in moved} == {one.first.id for one in mailed} - {UUID(int=goes)}
    assert {(move.not_before, move.motif) for move in moved} <= {(date(2026, 3, 24), "MAIL_DU_JOUR")}


def test_R15_a_client_who_was_written_to_today_is_written_to_tomorrow() -> None:
    """Tasks do not wait."""
    mail, call = group(1), group(2, declencheur="NOUVEAU_CLIENT", niveau=0)
    kept, moved = one_mail([mail, call], [mail], written_today=True, today=TODAY)
    assert kept == [call]
    assert [(move.relance, move.not_before) for move in moved] == [(mail.first, date(2026, 3, 24))]
