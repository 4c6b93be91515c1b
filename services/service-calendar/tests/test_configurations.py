"""DebitConfigurationService: what is saved, refused, listed and resolved."""

import asyncio
from typing import Any

import grpc
import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import DebitConfigurationServiceStub, HolidayServiceStub
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from service_testing import pages, refusal, refused
from service_testing.refusals import read

INVALID = StatusCode.INVALID_ARGUMENT
FIFTH: dict[str, Any] = {"niveau": "SOCIETE", "reference_id": "soc-1", "mode": "FIXED_DAY", "fixed_day": 5}
SECOND_LOT: dict[str, Any] = {"niveau": "CLIENT", "reference_id": "c-9", "mode": "BATCH", "batch": "L2"}


def save(**fields: Any) -> pb.SaveDebitConfigurationRequest:
    """The request to save *fields*."""
    return pb.SaveDebitConfigurationRequest(**fields)


async def test_R3_save_creates_and_replaces(configurations: DebitConfigurationServiceStub, org: str) -> None:
    """All of the content: what the second Save does not say is inherited again."""
    full: dict[str, Any] = {
        "shift_strategy": "PREVIOUS_BUSINESS_DAY",
        "zone_code": "FR-ALS",
        "cutoff_time": "09:30",
        "lead_days": 0,
    }
    first = await configurations.Save(save(**FIFTH, **full))
    expected = pb.DebitConfiguration(
        id=first.id,
        organisation_id=org,
        created_at=first.created_at,
        updated_at=first.created_at,
        version=1,
        **FIFTH,
        **full,
    )
    assert (
        expected
        == first
        == await configurations.Get(pb.GetDebitConfigurationRequest(niveau="SOCIETE", reference_id="soc-1"))
    )
    lot: dict[str, Any] = {"niveau": "SOCIETE", "reference_id": "soc-1", "mode": "BATCH", "batch": "L4"}
    second = await configurations.Save(save(**lot))
    expected = pb.DebitConfiguration(
        id=first.id,
        organisation_id=org,
        created_at=first.created_at,
        updated_at=second.updated_at,
        version=2,
        **lot,
    )
    assert second == expected


async def test_R3_save_of_the_same_changes_nothing(configurations: DebitConfigurationServiceStub) -> None:
    """Version and time of the last change stay (C9)."""
    first, again = [await configurations.Save(save(**FIFTH)) for _ in range(2)]
    assert first == again


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"mode": "BATCH", "fixed_day": 0}, "BATCH_REQUIRED", "batch"),
        ({"mode": "BATCH", "fixed_day": 0, "batch": "L5"}, "VALEUR_INCONNUE", "batch"),
        ({"mode": "BATCH", "batch": "L1"}, "CHAMP_INCOMPATIBLE", "fixed_day"),
        ({"batch": "L1"}, "CHAMP_INCOMPATIBLE", "batch"),
        ({"fixed_day": 0}, "FIXED_DAY_OUT_OF_RANGE", "fixed_day"),
        ({"fixed_day": 29}, "FIXED_DAY_OUT_OF_RANGE", "fixed_day"),
        ({"fixed_day": 31}, "FIXED_DAY_OUT_OF_RANGE", "fixed_day"),
        ({"fixed_day": -1}, "FIXED_DAY_OUT_OF_RANGE", "fixed_day"),
        ({"mode": "AUTRE"}, "INVALID_MODE", "mode"),
        ({"mode": ""}, "INVALID_MODE", "mode"),
        ({"shift_strategy": "SKIP"}, "INVALID_SHIFT_STRATEGY", "shift_strategy"),
        ({"zone_code": "XX"}, "HOLIDAY_ZONE_NOT_FOUND", "zone_code"),
        ({"cutoff_time": "14h00"}, "FORMAT_INVALIDE", "cutoff_time"),
        ({"lead_days": -1}, "NOMBRE_HORS_LIMITES", "lead_days"),
        ({"lead_days": 31}, "NOMBRE_HORS_LIMITES", "lead_days"),
        ({"niveau": "GROUPE"}, "VALEUR_INCONNUE", "niveau"),
        ({"niveau": ""}, "CHAMP_REQUIS", "niveau"),
        ({"reference_id": ""}, "CHAMP_REQUIS", "reference_id"),
        ({"reference_id": "a b"}, "FORMAT_INVALIDE", "reference_id"),
        ({"niveau": "SYSTEM"}, "FORMAT_INVALIDE", "reference_id"),
    ],
)
async def test_R3_what_save_refuses(
    configurations: DebitConfigurationServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """With the reason and the field; nothing is stored."""
    told = await refusal(configurations.Save(save(**FIFTH | fields)))
    assert (told.code, told.reason, told.metadata["champ"]) == (INVALID, reason, champ)
    assert not (await configurations.List(pb.ListDebitConfigurationsRequest())).configurations


async def test_R3_a_zone_of_the_organisation_may_be_named(
    configurations: DebitConfigurationServiceStub,
    foreign_configurations: DebitConfigurationServiceStub,
    holidays: HolidayServiceStub,
) -> None:
    """By this organisation, and by no other one."""
    await holidays.CreateZone(pb.CreateHolidayZoneRequest(code="SIEGE", nom="Siège"))
    assert (await configurations.Save(save(**FIFTH, zone_code="SIEGE"))).zone_code == "SIEGE"
    foreign = foreign_configurations.Save(save(**FIFTH, zone_code="SIEGE"))
    assert await refused(foreign) == (INVALID, "HOLIDAY_ZONE_NOT_FOUND")


async def test_R4_resolve_tells_what_is_inherited(
    configurations: DebitConfigurationServiceStub, org: str
) -> None:
    """The lot of the client, the zone of the société, the rest of SYSTEM."""
    await configurations.Save(save(**FIFTH, zone_code="FR-ALS"))
    client = await configurations.Save(save(**SECOND_LOT))
    found = await configurations.Resolve(
        pb.ResolveDebitConfigurationRequest(client_id="c-9", societe_id="soc-1")
    )
    expected = pb.ResolvedConfig(
        niveau="CLIENT",
        config_id=client.id,
        mode="BATCH",
        batch="L2",
        shift_strategy="NEXT_BUSINESS_DAY",
        zone_code="FR-ALS",
        cutoff_time="14:00",
        lead_days=2,
        herite=["shift_strategy", "zone_code", "cutoff_time", "lead_days"],
    )
    assert found == expected


async def test_R2_the_row_of_system_cannot_be_deleted(configurations: DebitConfigurationServiceStub) -> None:
    """Others can, and what they decided falls to the next level."""
    system = await configurations.Save(save(niveau="SYSTEM", mode="FIXED_DAY", fixed_day=10))
    societe = await configurations.Save(save(**FIFTH))
    told = await refused(configurations.Delete(pb.DeleteDebitConfigurationRequest(id=system.id)))
    assert told == (StatusCode.FAILED_PRECONDITION, "CONFIGURATION_SYSTEME")
    delete = pb.DeleteDebitConfigurationRequest(id=societe.id)
    deletions = [(await configurations.Delete(delete)).success for _ in range(2)]
    assert deletions == [True, False]
    found = await configurations.Resolve(pb.ResolveDebitConfigurationRequest(societe_id="soc-1"))
    assert (found.niveau, found.fixed_day) == ("SYSTEM", 10)


async def test_R3_saves_at_once_write_one_row(configurations: DebitConfigurationServiceStub) -> None:
    """The last one stays, and every change counts."""
    saves = (configurations.Save(save(**FIFTH | {"fixed_day": day})) for day in range(1, 9))
    answers = await asyncio.gather(*saves)
    listed = (await configurations.List(pb.ListDebitConfigurationsRequest())).configurations
    assert sorted(answer.version for answer in answers) == list(range(1, 9))
    assert list(listed) == [answer for answer in answers if answer.version == 8]


async def test_R3_of_two_saves_for_one_version_one_wins(
    configurations: DebitConfigurationServiceStub,
) -> None:
    """The other one is ABORTED; so is a Save for a version of what is not there."""
    await configurations.Save(save(**FIFTH))
    saves = (configurations.Save(save(**FIFTH | {"fixed_day": day}, version=1)) for day in (6, 7))
    answers = await asyncio.gather(*saves, return_exceptions=True)
    lost = [read(one) for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert [(one.code, one.reason) for one in lost] == [(StatusCode.ABORTED, "VERSION_PERIMEE")]
    told = await refused(configurations.Save(save(**SECOND_LOT, version=1)))
    assert told == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_R1_configurations_are_listed_by_level(configurations: DebitConfigurationServiceStub) -> None:
    """A page after the other, or one level alone."""
    for fields in (SECOND_LOT, FIFTH, {"niveau": "SYSTEM", "mode": "BATCH", "batch": "L1"}):
        await configurations.Save(save(**fields))
    request = pb.ListDebitConfigurationsRequest(pagination=Pagination(page_size=2))
    walked = [row async for page in pages(configurations.List, request) for row in page.configurations]
    assert [row.niveau for row in walked] == ["CLIENT", "SOCIETE", "SYSTEM"]
    alone = await configurations.List(pb.ListDebitConfigurationsRequest(niveau="SOCIETE"))
    assert [row.reference_id for row in alone.configurations] == ["soc-1"]


async def test_C6_configurations_of_others_do_not_exist(
    configurations: DebitConfigurationServiceStub, foreign_configurations: DebitConfigurationServiceStub
) -> None:
    """Neither by their level nor by their id, and the same id is free in another organisation."""
    own = await configurations.Save(save(**FIFTH))
    get = pb.GetDebitConfigurationRequest(niveau="SOCIETE", reference_id="soc-1")
    assert await refused(foreign_configurations.Get(get)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    delete = pb.DeleteDebitConfigurationRequest(id=own.id)
    assert not (await foreign_configurations.Delete(delete)).success
    assert (await foreign_configurations.Save(save(**FIFTH | {"fixed_day": 9}))).id != own.id
    assert (await configurations.Get(get)).fixed_day == 5
