"""The users service as data: what it is made of. Start reading here."""

from crm.events.identity_pb2 import UserLoginEvent
from service_kit import Service

from service_users.credentials import CredentialService
from service_users.membres import MembreService
from service_users.models import Base
from service_users.settings import UsersSettings
from service_users.sync import SyncService
from service_users.utilisateurs import UtilisateurService

SERVICE = Service(
    name="users",
    port=50067,
    package="service_users",
    tables=Base.metadata,
    servicers=(UtilisateurService, CredentialService, SyncService, MembreService),
    publishes=(UserLoginEvent,),
    settings=UsersSettings,
)
