"""The clients service as data: what it is made of. Start reading here."""

from crm.events.business_pb2 import ClientCreatedEvent
from service_kit import Service

from service_clients.adresses import AdresseService
from service_clients.client_bases import ClientBaseService
from service_clients.client_entreprises import ClientEntrepriseService
from service_clients.client_partenaires import ClientPartenaireService
from service_clients.models import Base
from service_clients.statuts import StatutClientService

SERVICE = Service(
    name="clients",
    port=50052,
    tables=Base.metadata,
    servicers=(
        ClientBaseService,
        AdresseService,
        ClientEntrepriseService,
        ClientPartenaireService,
        StatutClientService,
    ),
    publishes=(ClientCreatedEvent,),
)
