"""The notifications service as data: what it is made of. Start reading here."""

from datetime import timedelta

from db_utils import Retention, purge_job
from service_kit import App, Service, Worker

from service_notifications.abonnements import AbonnementService
from service_notifications.models import Base, Connexion, Notification
from service_notifications.notifications import NotificationService
from service_notifications.rooms import Rooms
from service_notifications.settings import NotificationsSettings
from service_notifications.subscribers import SUBSCRIPTIONS


async def _number_new(app: App[NotificationsSettings]) -> None:
    await app.part(Rooms).number_new()


SERVICE = Service(
    name="notifications",
    port=50061,
    tables=Base.metadata,
    servicers=(NotificationService, AbonnementService),
    subscriptions=SUBSCRIPTIONS,
    workers=(
        # By itself only for rows whose writer has ended before it could number them (R11).
        Worker("numbering", _number_new, timedelta(seconds=2), exclusive=False, wake_on=Notification),
        purge_job(
            Retention(Notification, Notification.created_at, timedelta(days=180)),  # R15
            Retention(Connexion, Connexion.expire_le, timedelta(hours=1)),
        ),
    ),
    settings=NotificationsSettings,
    live=True,
)
