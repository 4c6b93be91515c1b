"""DebitConfigurationService: how debit dates are chosen, at four levels."""

from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import DebitConfigurationServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, Reader
from grpc_utils import Context, expected_version, found, list_answer, page_of
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_calendar import answers, audit, fields, reading, rules
from service_calendar.models import SYSTEM, DebitConfiguration
from service_calendar.saving import put

CONFIGURATIONS = Listing(
    DebitConfiguration, sorts=("niveau", "reference_id", "created_at"), filters=("niveau",)
)
KEY = ("organisation_id", "niveau", "reference_id")

_OF_LEVEL = select(DebitConfiguration).where(
    DebitConfiguration.organisation_id == bindparam("organisation_id"),
    DebitConfiguration.niveau == bindparam("niveau"),
    DebitConfiguration.reference_id == bindparam("reference_id"),
)


class DebitConfigurationService(DebitConfigurationServiceServicer):
    """Configurations of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Save(
        self, request: pb.SaveDebitConfigurationRequest, context: Context
    ) -> pb.DebitConfiguration:
        """Create the configuration of a level, or replace its content (R3)."""
        configuration = rules.new_configuration(request)
        async with self._db.transaction() as tx:
            await _check_zone(tx, configuration)
            saved = await put(tx, configuration, KEY, rules.CONFIGURED, expected=expected_version(request))
        return answers.configuration(saved)

    async def Get(self, request: pb.GetDebitConfigurationRequest, context: Context) -> pb.DebitConfiguration:
        """Read what was saved for a level."""
        niveau, reference = rules.configured(request.niveau, request.reference_id)
        named = {"organisation_id": request.organisation_id, "niveau": niveau, "reference_id": reference}
        return answers.configuration(found(await self._db.read().one(_OF_LEVEL, **named)))

    async def List(
        self, request: pb.ListDebitConfigurationsRequest, context: Context
    ) -> pb.ListDebitConfigurationsResponse:
        """List what was saved, by level."""
        page = await page_of(CONFIGURATIONS, self._db.read(), request)
        rows = [answers.configuration(row) for row in page.rows]
        return list_answer(pb.ListDebitConfigurationsResponse, page, rows)

    async def Delete(self, request: pb.DeleteDebitConfigurationRequest, context: Context) -> DeleteResponse:
        """Remove what was saved for a level; SYSTEM keeps its own (R2)."""
        async with self._db.transaction() as tx:
            configuration = await tx.get(DebitConfiguration, request.id, lock=True)
            if configuration is not None:
                if configuration.niveau == SYSTEM:
                    raise rules.ConfigurationSysteme
                await tx.delete(configuration)
                await audit.deleted(tx, configuration)
        return DeleteResponse(success=configuration is not None)

    async def Resolve(
        self, request: pb.ResolveDebitConfigurationRequest, context: Context
    ) -> pb.ResolvedConfig:
        """Tell what applies to a contract, a client and a société (R1, R4)."""
        references = fields.references(request.contrat_id, request.client_id, request.societe_id)
        organisation = fields.organisation(request.organisation_id)
        configured = await reading.configurations(self._db.read(), organisation, [references])
        return answers.resolved(configured.resolve(references))


async def _check_zone(reader: Reader, configuration: DebitConfiguration) -> None:
    """Refuse a zone that does not exist (R3). Raises HolidayZoneNotFound."""
    code = configuration.zone_code
    if code and not await reading.zones_of(reader, configuration.organisation_id, (code,)):
        raise rules.HolidayZoneNotFound(champ="zone_code")
