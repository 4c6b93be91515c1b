"""Which configuration applies (R1, R2, R4), as a pure function."""

from datetime import time
from typing import Any

import pytest
from service_calendar.models import DebitConfiguration
from service_calendar.resolution import Configurations, References, Resolved
from tests.jours import config

LEFT = ("shift_strategy", "zone_code", "cutoff_time", "lead_days")


def saved(niveau: str, reference: str = "", **fields: Any) -> DebitConfiguration:
    """What was saved for a level."""
    return DebitConfiguration(organisation_id="org", niveau=niveau, reference_id=reference, **fields)


SYSTEM = saved("SYSTEM", mode="FIXED_DAY", fixed_day=10, lead_days=3)
SOC_1 = saved("SOCIETE", "soc-1", mode="FIXED_DAY", fixed_day=5, zone_code="FR-ALS")
C_9 = saved("CLIENT", "c-9", mode="BATCH", batch="L2")
K_1 = saved("CONTRAT", "k-1", mode="FIXED_DAY", fixed_day=20, cutoff=time(9, 30), lead_days=0)


def resolve(*rows: DebitConfiguration, **ids: str) -> Resolved:
    """What applies of *rows*."""
    return Configurations(rows).resolve(References(**ids))


def test_R2_without_anything_saved_the_default_applies() -> None:
    """The 5th, the next eligible day, zone FR, 14:00, two days; nothing of it is inherited."""
    assert resolve(contrat_id="k-1", client_id="c-9", societe_id="soc-1") == config()


def test_R2_an_own_system_row_keeps_the_default_where_it_is_silent() -> None:
    """What it leaves open is not called inherited: it is the same level."""
    found = resolve(SYSTEM)
    assert found == config(config_id=str(SYSTEM.id), fixed_day=10, lead_days=3)


def test_R4_a_client_decides_and_inherits_the_rest() -> None:
    """Lot L2 of the client, zone FR-ALS of the société, the strategy of SYSTEM."""
    found = resolve(SOC_1, C_9, client_id="c-9", societe_id="soc-1")
    expected = config(niveau="CLIENT", config_id=str(C_9.id), batch="L2", zone_code="FR-ALS", herite=LEFT)
    assert found == expected


@pytest.mark.parametrize(
    ("ids", "decides"),
    [
        ({"contrat_id": "k-1", "client_id": "c-9", "societe_id": "soc-1"}, K_1),
        ({"contrat_id": "k-2", "client_id": "c-9", "societe_id": "soc-1"}, C_9),
        ({"contrat_id": "k-2", "client_id": "c-8", "societe_id": "soc-1"}, SOC_1),
        ({"client_id": "c-9"}, C_9),
        ({"societe_id": "soc-2"}, SYSTEM),
        ({"societe_id": "c-9", "client_id": "soc-1", "contrat_id": "c-9"}, SYSTEM),
        ({}, SYSTEM),
    ],
)
def test_R1_the_first_level_that_was_saved_decides(ids: dict[str, str], decides: DebitConfiguration) -> None:
    """Contract, then client, then société, then SYSTEM; an id counts at its own level."""
    found = resolve(SYSTEM, SOC_1, C_9, K_1, **ids)
    assert (found.niveau, found.config_id) == (decides.niveau, str(decides.id))
    assert (found.mode, found.batch, found.fixed_day) == (
        decides.mode,
        decides.batch or "",
        decides.fixed_day or 0,
    )


def test_R1_gaps_are_filled_by_the_next_level_that_has_something() -> None:
    """A lead time of 0 is something; herite tells what came from below."""
    found = resolve(SYSTEM, SOC_1, C_9, K_1, contrat_id="k-1", client_id="c-9", societe_id="soc-1")
    assert (found.cutoff, found.lead_days, found.zone_code) == (time(9, 30), 0, "FR-ALS")
    assert found.herite == ("shift_strategy", "zone_code")
