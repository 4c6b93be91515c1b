"""The factures service as data: what it is made of. Start reading here."""

from crm.events.business_pb2 import InvoiceCreatedEvent
from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands
from user_sync import UserSync

from service_factures.completion import COMPLETION
from service_factures.cycles import CYCLES
from service_factures.envois import ENVOIS
from service_factures.ereporting.depots import DEPOTS
from service_factures.ereporting.rappels import RAPPELS
from service_factures.fabrication import DOCUMENTS
from service_factures.factures import InvoiceService
from service_factures.mentions_alertes import MENTIONS
from service_factures.models import Base
from service_factures.reglages import FactureSettingsService, open_organisation
from service_factures.releve import RELEVE
from service_factures.settings import FacturesSettings
from service_factures.transmissions import TransmissionService

USER_SYNC = UserSync(
    app_code="accounting",
    service_name="accounting-service",
    premiere_connexion=open_organisation,
)

SERVICE = Service(
    name="factures",
    port=50059,
    tables=Base.metadata,
    servicers=(InvoiceService, FactureSettingsService, TransmissionService),
    publishes=(InvoiceCreatedEvent,),
    workers=(COMPLETION, DOCUMENTS, MENTIONS, ENVOIS, CYCLES, RELEVE, DEPOTS, RAPPELS),
    settings=FacturesSettings,
    components=(OutgoingCommands((NOTIFICATION,)), USER_SYNC),
)
