"""The organisations service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_organisations.models import Base
from service_organisations.organisations import OrganisationService
from service_organisations.partenaires import PartenaireMarqueBlancheService
from service_organisations.referentiels import ReferentielService
from service_organisations.societes import SocieteService

SERVICE = Service(
    name="organisations",
    port=50062,
    tables=Base.metadata,
    servicers=(OrganisationService, SocieteService, PartenaireMarqueBlancheService, ReferentielService),
)
