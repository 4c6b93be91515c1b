"""The retry service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_retry import avis
from service_retry.models import Base
from service_retry.moteur import RetryEngineService
from service_retry.planification import PLANIFICATION
from service_retry.policies import RetryPolicyService
from service_retry.reconciliation import RECONCILIATION
from service_retry.remises import REMISES
from service_retry.schedules import RetryScheduleService
from service_retry.subscribers import SUBSCRIPTIONS
from service_retry.suites import ESCALATION

SERVICE = Service(
    name="retry",
    port=50070,
    tables=Base.metadata,
    servicers=(RetryPolicyService, RetryScheduleService, RetryEngineService),
    subscriptions=SUBSCRIPTIONS,
    workers=(REMISES, PLANIFICATION, RECONCILIATION, avis.JOB),
    components=(OutgoingCommands((ESCALATION, avis.AVIS, NOTIFICATION)),),
)
