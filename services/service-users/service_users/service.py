"""Declaration of the users service: servicers, tables, jobs, commands. Start reading here."""

from crm.events.identity_pb2 import UserLoginEvent
from service_kit import Service
from service_kit.outgoing import OutgoingCommands

from service_users.comptes import CompteService
from service_users.credentials import CredentialService
from service_users.inbox import WORKERS
from service_users.invitations import EXPIRY, InvitationService
from service_users.late_organisations import LATE_ONES
from service_users.membres import MembreService
from service_users.models import Base
from service_users.outgoing import COMMANDS
from service_users.settings import UsersSettings
from service_users.sync import SyncService
from service_users.utilisateurs import UtilisateurService

SERVICE = Service(
    name="users",
    port=50067,
    tables=Base.metadata,
    servicers=(
        UtilisateurService,
        CredentialService,
        SyncService,
        MembreService,
        CompteService,
        InvitationService,
    ),
    publishes=(UserLoginEvent,),
    workers=(*WORKERS, LATE_ONES, EXPIRY),
    settings=UsersSettings,
    components=(OutgoingCommands(COMMANDS),),
)
