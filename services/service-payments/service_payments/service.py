"""The payments service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_payments import rapport_models  # noqa: F401  # its tables, which no code here writes yet
from service_payments.emission_job import EMISSION
from service_payments.mandats import MANDATS_EXPIRES, MandateService
from service_payments.models import Base
from service_payments.sepa import SepaService
from service_payments.settings import PaymentsSettings

SERVICE = Service(
    name="payments",
    port=50063,
    tables=Base.metadata,
    servicers=(MandateService, SepaService),
    workers=(EMISSION, MANDATS_EXPIRES),
    settings=PaymentsSettings,
    components=(OutgoingCommands((NOTIFICATION,)),),
)
