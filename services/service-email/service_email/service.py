"""The email service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_email.boites import BoiteMailService
from service_email.delivery import DELIVERY
from service_email.emails import EmailService
from service_email.modele_service import ModeleService
from service_email.models import Base
from service_email.retention import RETENTION
from service_email.settings import EmailSettings
from service_email.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="email",
    port=50058,
    tables=Base.metadata,
    servicers=(EmailService, BoiteMailService, ModeleService),
    subscriptions=SUBSCRIPTIONS,
    workers=(DELIVERY, RETENTION),
    settings=EmailSettings,
    components=(OutgoingCommands((NOTIFICATION,)),),
)
