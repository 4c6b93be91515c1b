"""Mesh and stubs of the calendar service, which runs once for all tests of this folder.

Its jobs are left out: what it owes to notifications is sent when a test says so.
"""

from dataclasses import replace

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarAdminServiceStub,
    CalendarEngineServiceStub,
    DebitConfigurationServiceStub,
    HolidayServiceStub,
    PlannedDebitServiceStub,
)
from service_calendar.service import SERVICE
from service_kit.registry import service_named
from service_testing.fixtures import mesh_of, of_member, of_stranger
from tests.plans import line, plan

mesh = mesh_of(replace(SERVICE, workers=()), service_named("notifications"))
engine = of_member(CalendarEngineServiceStub)
configurations = of_member(DebitConfigurationServiceStub)
holidays = of_member(HolidayServiceStub)
debits = of_member(PlannedDebitServiceStub)
admin = of_member(CalendarAdminServiceStub)
foreign_configurations = of_stranger(DebitConfigurationServiceStub)
foreign_holidays = of_stranger(HolidayServiceStub)
foreign_debits = of_stranger(PlannedDebitServiceStub)
foreign_admin = of_stranger(CalendarAdminServiceStub)


@pytest.fixture
async def planned(debits: PlannedDebitServiceStub) -> pb.PlannedDebit:
    """The first debit of a schedule."""
    return (await debits.Plan(plan(line()))).planned_debits[0]
