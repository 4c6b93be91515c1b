"""The relance service as data: what it is made of. Start reading here."""

from service_kit import Service
from service_kit.outgoing import NOTIFICATION, OutgoingCommands

from service_relance.calendrier import RECALCUL
from service_relance.contentieux import TACHE_CONTENTIEUX
from service_relance.execution import EXECUTION
from service_relance.historique import FORGET, HistoriqueRelanceService
from service_relance.models import Base
from service_relance.moteur import RelanceEngineService
from service_relance.quotidien import QUOTIDIEN
from service_relance.regles_service import RegleRelanceService
from service_relance.relances import RelanceService
from service_relance.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="relance",
    port=50066,
    tables=Base.metadata,
    servicers=(RegleRelanceService, RelanceService, RelanceEngineService, HistoriqueRelanceService),
    subscriptions=SUBSCRIPTIONS,
    workers=(EXECUTION, RECALCUL, QUOTIDIEN, FORGET),
    components=(OutgoingCommands((NOTIFICATION, TACHE_CONTENTIEUX)),),
)
