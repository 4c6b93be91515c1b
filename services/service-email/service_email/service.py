"""The email service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_email.delivery import DELIVERY
from service_email.emails import EmailService
from service_email.models import Base
from service_email.settings import EmailSettings
from service_email.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="email",
    port=50058,
    tables=Base.metadata,
    servicers=(EmailService,),
    subscriptions=SUBSCRIPTIONS,
    workers=(DELIVERY,),
    settings=EmailSettings,
    components=(OutgoingCommands((NOTIFICATION,)),),
)
