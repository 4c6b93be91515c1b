"""The component as a service names it in its data; each part has a module of its own.

components=(UserSync(app_code="accounting", service_name="accounting-service"),)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crm.events.identity_pb2 import UserLoginEvent
from db_utils import Transaction, Worker
from nats_utils import Subscription, required_instant, required_text
from pydantic_settings import BaseSettings
from service_kit import App
from sqlalchemy import MetaData

from user_sync import copies, queue, rules
from user_sync.models import Base
from user_sync.organisations import Accueil, PremiereConnexion
from user_sync.settings import UserSyncSettings
from user_sync.synchroniser import Synchroniser
from user_sync.users_client import UsersClient

_EVERY = timedelta(seconds=30)
_PATIENCE = 5.0  # seconds of the job, longer than a channel takes to find its callee again


@dataclass(frozen=True, slots=True)
class UserSync:
    """Synchronisation for a service that people open as application *app_code*.

    Users knows the service as *service_name*. *premiere_connexion* runs once for each organisation that
    is new here, inside the transaction that meets it, and fails alone (S20).
    """

    app_code: str
    service_name: str
    premiere_connexion: PremiereConnexion | None = None

    @property
    def package(self) -> str:
        """Package that holds the migrations."""
        return "user_sync"

    @property
    def tables(self) -> MetaData:
        """Tables of copies, subjects, organisations and queued sign-ins."""
        return Base.metadata

    @property
    def settings(self) -> type[BaseSettings]:
        """Settings that the component adds to those of its service."""
        return UserSyncSettings

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Subscription to sign-ins."""
        return (Subscription(UserLoginEvent, self.traiter_user_login),)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Jobs that do later what could not be done at once."""
        return (
            Worker("user-sync-rejouer-syncs", self.rejouer_syncs, every=_EVERY),
            Worker("user-sync-organisations", self.ouvrir_organisations, every=_EVERY),
        )

    @property
    def callees(self) -> Mapping[str, str]:
        """None: users is asked anew until it answers, without a command."""
        return {}

    def greeter(self, app: App[UserSyncSettings]) -> Synchroniser | None:
        """Return the interception of calls, None when it is switched off."""
        if not app.settings.user_sync_enabled:
            return None
        return Synchroniser(app, self.service_name, self.app_code, Accueil(self.premiere_connexion))

    async def traiter_user_login(self, event: UserLoginEvent, tx: Transaction) -> None:
        """Apply a sign-in to the copy of its person, if he may open this application (S15)."""
        if self.app_code not in event.accessible_apps:
            return
        required_text(event, "user_id", "auth0_id")
        instant = required_instant(event, "timestamp")
        personne, central = rules.announced(event)
        copy = await copies.announced(tx, personne, central, instant)
        if copy is not None and personne.organisation_id:
            accueil = Accueil(self.premiere_connexion)
            first = event.is_first_login
            await accueil.enter(tx, copy, personne.organisation_id, instant, first=first)

    async def rejouer_syncs(self, app: App[UserSyncSettings]) -> None:
        """Tell users of the sign-ins that it has missed (S12)."""
        if app.settings.user_sync_enabled:
            users = UsersClient(app.peers, _PATIENCE, patient=True)
            await queue.empty(app.database, users, self.service_name)

    async def ouvrir_organisations(self, app: App[UserSyncSettings]) -> None:
        """Run the hook again for organisations where it has failed (S20)."""
        await Accueil(self.premiere_connexion).finish(app.database)
