"""Documents for operators compared with the code: the table of troubles and the alert."""

from pathlib import Path

from service_integrations import refusals
from service_integrations.operations import OPERATIONS
from service_integrations.refusals import IntegrationRefusal

ROOT = Path(__file__).parents[3]
CODES = {kind.reason for kind in IntegrationRefusal.__subclasses__()}


def test_R1_every_code_has_a_line_in_the_table_of_troubles() -> None:
    """The table has one line for each of the eighteen codes (R1) and no other."""
    lines = (ROOT / "docs/integrations.md").read_text().splitlines()
    told = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert (sorted(told), len(told)) == (sorted(CODES), 18)


def test_R21_the_alert_is_about_codes_that_exist() -> None:
    """The alert tells of more than 5 % failures over ten minutes for each provider."""
    text = (ROOT / "compose/prod/alerts.yml").read_text()
    named = text.partition('result=~"')[2].partition('"')[0].split("|")
    assert set(named) <= CODES
    assert f"{OPERATIONS._name}_total" in text
    assert refusals.InvalidState.reason not in named
    assert ("sum by (provider)" in text, "[10m]" in text, "> 0.05" in text) == (True, True, True)
