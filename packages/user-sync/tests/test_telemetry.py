"""Telemetry of a synchronisation, without anything that tells who it was."""

import logging

import pytest
from service_testing import metric, refused
from tests.comptoirs.service import COMPTABILITE_SYNC
from tests.visiteurs import Comptoirs, Visiteur

SERVICE = COMPTABILITE_SYNC.service_name


def counted(result: str) -> float:
    """Return how many synchronisations have had this result."""
    return metric("user_sync_total", service=SERVICE, result=result)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log lines about synchronisations."""
    return [line for line in caplog.messages if line.startswith("user sync ")]


async def test_a_synchronisation_is_one_line_and_one_count(
    comptoirs: Comptoirs, visiteur: Visiteur, caplog: pytest.LogCaptureFixture
) -> None:
    """The line holds result, source and duration, the subject hashed and the address masked."""
    before = counted("evenement")
    with caplog.at_level(logging.INFO, logger="user_sync"):
        await comptoirs.visit(visiteur)
        await comptoirs.visit(visiteur)
    (line,) = lines(caplog)
    assert line.startswith("user sync evenement: subject ")
    assert f"email {visiteur.email[0]}***@{visiteur.organisation}.fr, source {SERVICE}, " in line
    assert line.endswith(" ms")
    assert counted("evenement") - before == 1
    for secret in (visiteur.sujet, visiteur.email, visiteur.nom):
        assert secret not in caplog.text


async def test_a_refusal_is_counted(
    comptoirs: Comptoirs, visiteur: Visiteur, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is one line and one count, like any other result."""
    before = counted("refuse")
    with caplog.at_level(logging.INFO, logger="user_sync"):
        await refused(comptoirs.visit(visiteur, user_type=""))
    assert lines(caplog)[0].startswith("user sync refuse: ")
    assert counted("refuse") - before == 1


async def test_S4_a_call_without_claims_is_only_counted(
    comptoirs: Comptoirs, visiteur: Visiteur, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls that name neither organisation nor type are counted each, and leave no line."""
    before = counted("sans_revendications")
    with caplog.at_level(logging.INFO, logger="user_sync"):
        for _ in range(2):
            await comptoirs.visit(visiteur, organisation=None, user_type="")
    assert counted("sans_revendications") - before == 2
    assert lines(caplog) == []


async def test_durations_are_measured(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """The histogram counts every synchronisation."""
    before = metric("user_sync_seconds_count", service=SERVICE)
    await comptoirs.visit(visiteur)
    assert metric("user_sync_seconds_count", service=SERVICE) - before == 1
