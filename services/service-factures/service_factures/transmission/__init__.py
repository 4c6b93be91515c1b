"""The way of invoices to a plateforme agréée, without the database: the port, its folder, the statuses.

Read `port.py` (the shape of AFNOR XP Z12-013), then `statuts.py` (XP Z12-012) and `dossier.py`. Which
port a société has is told by `ports.py`, when it is used by `envois.py`.
"""

from service_factures.transmission.dossier import Dossier
from service_factures.transmission.port import (
    Acquittement,
    Adresse,
    FlowInfo,
    Flux,
    InvoiceTransmission,
    NonAutorisee,
    Refusee,
    Tardive,
    TransmissionError,
)
from service_factures.transmission.statuts import (
    A_ENVOYER,
    CODE_IRRECEVABLE,
    ENVOYEE,
    ERREUR_ROUTAGE,
    IRRECEVABLE,
    ORIGINES,
    PLATEFORME,
    REJETEE,
    SAISIE,
    SANS_OBJET,
    SERVICE,
    STATUTS,
    STATUTS_TRANSMISSION,
    Statut,
)

__all__ = [
    "A_ENVOYER",
    "CODE_IRRECEVABLE",
    "ENVOYEE",
    "ERREUR_ROUTAGE",
    "IRRECEVABLE",
    "ORIGINES",
    "PLATEFORME",
    "REJETEE",
    "SAISIE",
    "SANS_OBJET",
    "SERVICE",
    "STATUTS",
    "STATUTS_TRANSMISSION",
    "Acquittement",
    "Adresse",
    "Dossier",
    "FlowInfo",
    "Flux",
    "InvoiceTransmission",
    "NonAutorisee",
    "Refusee",
    "Statut",
    "Tardive",
    "TransmissionError",
]
