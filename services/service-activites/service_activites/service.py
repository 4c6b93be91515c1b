"""The activites service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_activites.activites import ActiviteService
from service_activites.models import Base
from service_activites.taches import TacheService
from service_activites.types_activite import TypeActiviteService

SERVICE = Service(
    name="activites",
    port=50051,
    tables=Base.metadata,
    servicers=(TypeActiviteService, ActiviteService, TacheService),
)
