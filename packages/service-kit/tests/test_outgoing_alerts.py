"""The finance team is told of commands that do not come through (C22)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from db_utils import clock
from grpc_utils.errors import CleIdempotenceReutilisee, ExisteDeja, FormatInvalide, VersionPerimee
from service_kit.outgoing import ABANDONNEE, EN_ATTENTE, ENVOYEE, NOTIFICATION, REFUSEE, OutgoingCommands
from service_kit.outgoing.component import PURGE
from tests.owing import ADD, DAY, IMPATIENT, Office, an_office

HOUR = timedelta(hours=1)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """A service that owes commands."""
    async with an_office() as one:
        yield one


async def fail_after(office: Office, later: timedelta, error: Exception | None = None) -> None:
    """Have the command refused so much later, for now or by *error*, and send what is owed by that."""
    office.callee.failures.append(error or VersionPerimee())
    with clock.frozen_at(clock.now() + later):
        await office.send()


async def test_C22_finance_is_told_once_of_a_command_that_waits_for_72_hours(office: Office) -> None:
    """Not before, and not again at each of the attempts that follow; the command goes on."""
    await office.owe("n", about="facture-1", organisation_id="org-1")
    told = []
    for hours in (0, 71, 73, 75, 24 * 40):
        await fail_after(office, hours * HOUR)
        with clock.frozen_at(clock.now() + hours * HOUR):
            await PURGE.run(office.app)
        told.append(len(office.notifications.told))
    assert told == [0, 0, 1, 1, 1]
    (alert,) = office.notifications.told
    said = (alert.organisation_id, alert.destinataire_type, alert.destinataire_id, alert.type, alert.niveau)
    assert said == ("org-1", "EQUIPE", "FINANCE", "ALERTE", "avertissement")
    assert dict(alert.metadata) == {"commande": "ajout", "objet": "facture-1"}
    row = (await office.rows())[0]
    assert (row.etat, alert.cle_idempotence) == (EN_ATTENTE, f"commande:{row.id}:attente")
    with clock.frozen_at(clock.now() + 24 * 41 * HOUR):
        await office.send()
    assert (await office.rows())[0].etat == ENVOYEE


async def test_C22_finance_is_told_of_a_refusal(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Beside the error line; what was refused is named, and why."""
    await office.owe("n", about="facture-1", organisation_id="org-1")
    await fail_after(office, 0 * HOUR, ExisteDeja())
    (alert,) = office.notifications.told
    assert (alert.type, alert.niveau, alert.destinataire_id) == ("ALERTE", "critique", "FINANCE")
    assert "facture-1" in alert.message
    assert "ALREADY_EXISTS EXISTE_DEJA" in alert.message
    row = (await office.rows())[0]
    assert (row.etat, alert.cle_idempotence) == (REFUSEE, f"commande:{row.id}:refus")
    assert "has ended as REFUSEE" in caplog.text


async def test_C22_a_late_refusal_is_told_although_the_waiting_was(office: Office) -> None:
    """It says that somebody has to act now."""
    await office.owe("n", organisation_id="org-1")
    await fail_after(office, 73 * HOUR)
    await fail_after(office, 75 * HOUR, ExisteDeja())
    assert [alert.niveau for alert in office.notifications.told] == ["avertissement", "critique"]


@pytest.mark.parametrize(
    ("failure", "etat"), [(CleIdempotenceReutilisee(), ENVOYEE), (FormatInvalide(), REFUSEE)]
)
async def test_C22_nobody_is_told_of_a_notification(
    office: Office, caplog: pytest.LogCaptureFixture, failure: Exception, etat: str
) -> None:
    """One that was sent before is done, a refused one leaves its error line."""
    office.notifications.failures.append(failure)
    await office.owe("n", organisation_id="org-1")
    await fail_after(office, 0 * HOUR, ExisteDeja())
    assert [(row.type, row.etat) for row in await office.rows()] == [
        ("ajout", REFUSEE),
        ("notification", etat),
    ]
    assert office.notifications.told == []
    assert ("command notification" in caplog.text) == (etat == REFUSEE)


async def test_C22_a_notification_waits_for_its_service_without_an_alert(office: Office) -> None:
    """Also for more than 72 hours."""
    office.notifications.failures += [VersionPerimee(), VersionPerimee()]
    await office.owe("n", organisation_id="org-1")
    await fail_after(office, 0 * HOUR, ExisteDeja())
    with clock.frozen_at(clock.now() + 80 * HOUR):
        await office.send()
    assert [row.etat for row in await office.rows()] == [REFUSEE, EN_ATTENTE]
    with clock.frozen_at(clock.now() + 82 * HOUR):
        await office.send()
    assert len(office.notifications.told) == 1


@pytest.mark.parametrize("error", [VersionPerimee(), ExisteDeja()])
async def test_C22_a_command_of_no_organisation_alerts_the_log(
    office: Office, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """There is nobody who could be told."""
    await office.owe("n")
    await fail_after(office, 73 * HOUR, error)
    assert [row.type for row in await office.rows()] == ["ajout"]
    assert [line.levelname for line in caplog.records if "command ajout" in line.message].count("ERROR") == 1


async def test_C22_who_is_given_up_by_its_own_rule_alerts_nobody(office: Office) -> None:
    """A service that sets an end of its own says there what it means."""
    await office.owe("n", command=IMPATIENT, organisation_id="org-1")
    await fail_after(office, DAY)
    assert [row.etat for row in await office.rows()] == [ABANDONNEE]


def test_C22_every_service_with_commands_sends_notifications() -> None:
    """Once, also when it owes some of its own."""
    for commands in ((ADD,), (ADD, NOTIFICATION)):
        names = [worker.name for worker in OutgoingCommands(commands).workers]
        assert names.count("outgoing-notification") == 1


def test_C22_two_commands_of_one_name_are_a_bug() -> None:
    """Both would send the rows of each; one named like NOTIFICATION would tell of itself for ever."""
    for name in (ADD.name, NOTIFICATION.name):
        with pytest.raises(ValueError, match="one name"):
            OutgoingCommands((ADD, replace(ADD, name=name, libelle="autre")))
