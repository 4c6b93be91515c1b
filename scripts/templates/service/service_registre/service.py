"""The registre service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_registre.fiches import FicheService
from service_registre.models import Base

SERVICE = Service(
    name="registre",
    port=50099,
    tables=Base.metadata,
    servicers=(FicheService,),
)
