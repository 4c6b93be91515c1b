"""The commerciaux service as data: what it is made of. Start reading here."""

from service_kit import Service
from user_sync import UserSync

from service_commerciaux.apporteurs import ApporteurService
from service_commerciaux.baremes import BaremeCommissionService
from service_commerciaux.modeles import ModeleDistributionService, open_organisation
from service_commerciaux.models import Base

USER_SYNC = UserSync(
    app_code="commercial",
    service_name="gestion-commerciale-service",
    premiere_connexion=open_organisation,
)

SERVICE = Service(
    name="commerciaux",
    port=50053,
    tables=Base.metadata,
    servicers=(ApporteurService, BaremeCommissionService, ModeleDistributionService),
    components=(USER_SYNC,),
)
