"""The calendar service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_calendar.admin import CalendarAdminService
from service_calendar.configurations import DebitConfigurationService
from service_calendar.engine import CalendarEngineService
from service_calendar.imports import PURGE
from service_calendar.jours_feries import HolidayService
from service_calendar.models import Base
from service_calendar.planned_debits import PlannedDebitService

SERVICE = Service(
    name="calendar",
    port=50068,
    tables=Base.metadata,
    servicers=(
        CalendarEngineService,
        DebitConfigurationService,
        HolidayService,
        PlannedDebitService,
        CalendarAdminService,
    ),
    workers=(PURGE,),
    components=(OutgoingCommands((NOTIFICATION,)),),
)
