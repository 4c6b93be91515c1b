"""The notifications service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_notifications.models import Base
from service_notifications.notifications import NotificationService
from service_notifications.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="notifications",
    port=50061,
    tables=Base.metadata,
    servicers=(NotificationService,),
    subscriptions=SUBSCRIPTIONS,
)
