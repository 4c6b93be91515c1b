"""The payments service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_payments import rapport_models  # noqa: F401  # its tables, which no code here writes yet
from service_payments.agenda import PLAN, TELL
from service_payments.echeanciers import PaymentScheduleService
from service_payments.emission_job import EMISSION
from service_payments.mandats import MANDATS_EXPIRES, MandateService
from service_payments.models import Base
from service_payments.planification import PLANIFIER
from service_payments.preparation import CONTRATS, PREPARER
from service_payments.sepa import SepaService
from service_payments.settings import PaymentsSettings
from service_payments.signatures import SUBSCRIPTIONS

SERVICE = Service(
    name="payments",
    port=50063,
    tables=Base.metadata,
    servicers=(PaymentScheduleService, MandateService, SepaService),
    workers=(PLANIFIER, PREPARER, CONTRATS, EMISSION, MANDATS_EXPIRES),
    subscriptions=SUBSCRIPTIONS,
    settings=PaymentsSettings,
    components=(OutgoingCommands((NOTIFICATION, PLAN, TELL)),),
)
