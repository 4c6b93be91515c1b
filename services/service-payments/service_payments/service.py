"""The payments service as data: what it is made of. Start reading here."""

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_payments.agenda import PLAN
from service_payments.confirmation_auto import CONFIRMER
from service_payments.echeanciers import PaymentScheduleService
from service_payments.emission_job import EMISSION
from service_payments.fins_de_contrat import CONTRATS
from service_payments.mandats import MANDATS_EXPIRES, MandateService
from service_payments.models import Base
from service_payments.paiements import PaymentService
from service_payments.planification import PLANIFIER
from service_payments.preparation import PREPARER
from service_payments.sepa import SepaService
from service_payments.settings import PaymentsSettings
from service_payments.signatures import SUBSCRIPTIONS
from service_payments.suites import SUITES

LARGEST_REQUEST = 24 * 1024 * 1024  # bytes: a report of a bank has up to 20 MiB (R23)

SERVICE = Service(
    name="payments",
    port=50063,
    tables=Base.metadata,
    servicers=(PaymentScheduleService, PaymentService, MandateService, SepaService),
    publishes=(PaymentReceivedEvent, PaymentRejectedEvent),
    subscriptions=SUBSCRIPTIONS,
    workers=(PLANIFIER, PREPARER, CONTRATS, EMISSION, CONFIRMER, MANDATS_EXPIRES),
    settings=PaymentsSettings,
    largest_message=LARGEST_REQUEST,
    components=(OutgoingCommands((NOTIFICATION, PLAN, *SUITES)),),
)
