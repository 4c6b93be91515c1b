"""The contrats service as data: what it is made of. Start reading here."""

from crm.events.business_pb2 import ContractSignedEvent
from service_kit import Service
from service_kit.outgoing import OutgoingCommands

from service_contrats.contrats import ContratService
from service_contrats.expiration import EXPIRER, PREAVIS
from service_contrats.lignes import LigneContratService
from service_contrats.mandats import MOYEN
from service_contrats.models import Base
from service_contrats.orchestrations import ContractOrchestrationService
from service_contrats.statistiques import StatistiquesContratService

SERVICE = Service(
    name="contrats",
    port=50055,
    tables=Base.metadata,
    servicers=(
        ContratService,
        ContractOrchestrationService,
        LigneContratService,
        StatistiquesContratService,
    ),
    publishes=(ContractSignedEvent,),
    workers=(EXPIRER, PREAVIS),
    components=(OutgoingCommands((MOYEN,)),),
)
