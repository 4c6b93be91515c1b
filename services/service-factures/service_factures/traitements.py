"""How a sale is told to the tax administration, as pure functions (R34, R35)."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from grpc_utils.errors import InvalidArgument

from service_factures.documents.values import PARTICULIER
from service_factures.exonerations import (
    EXONERATION_261_4,
    EXONERATION_261C,
    EXPORT,
    HORS_CHAMP,
    INTRACOM,
    NORMAL,
)
from service_factures.identite import Identite
from service_factures.models import COMPLETE, Facture
from service_factures.societes import FactureSettings
from service_factures.transmission import A_ENVOYER, SANS_OBJET

B2B, B2BINT, B2C, OUTOFSCOPE = "B2B", "B2BINT", "B2C", "OUTOFSCOPE"
SENT: Final = (B2B, B2BINT)
"""Sales whose invoices a platform can carry."""

# Mainland France and the overseas departments where its VAT applies.
_REFORME: Final = frozenset({"FR", "GP", "MQ", "RE"})
_OUTSIDE: Final = frozenset({HORS_CHAMP, EXONERATION_261C, EXONERATION_261_4})
_MONACO: Final = "MC"
# Words of R12 that say that the SIREN of the buyer may still come.
_AWAITED: Final = frozenset({"CLIENT", "PAYS", "SIREN"})


class SirenRequis(InvalidArgument):
    """Une vente B2B demande un client qui a un SIREN."""


class MonacoCommeEnFrance(InvalidArgument):
    """Une vente à Monaco porte la TVA française : ni INTRACOM ni EXPORT."""


def decided(
    asked: str | None, motif: str | None, categories: Collection[str], buyer: Mapping[str, Any]
) -> str:
    """The treatment of a sale to *buyer*: what was *asked* wins, then lines outside the reform (R34)."""
    if asked:
        return asked
    if motif in _OUTSIDE and NORMAL not in categories:
        return OUTOFSCOPE
    if buyer["type_client"] == PARTICULIER:
        return B2C
    return B2B if buyer["adresse"]["pays"] in _REFORME and buyer["siren"] else B2BINT


def statut(traitement: str | None, emission: date, depuis: date) -> str:
    """Whether an invoice issued on *emission* has to be sent, which is so from *depuis* on (R35)."""
    return A_ENVOYER if traitement == B2B and emission >= depuis else SANS_OBJET


def columns(
    facture: Facture, identite: Identite, categories: Collection[str], settings: FactureSettings, day: date
) -> dict[str, Any]:
    """The columns that are settled as soon as the parties are frozen; until then there are none."""
    if identite.missing or identite.acheteur is None:
        return {}
    traitement = decided(facture.traitement, facture.motif_exoneration, categories, identite.acheteur)
    return {
        "traitement": traitement,
        "statut_transmission": statut(traitement, day, settings.emission_obligatoire_le),
    }


def of_avoir(origine: Facture, settings: FactureSettings, day: date) -> dict[str, Any]:
    """The same columns of an avoir of *day*, which takes its origin's treatment (R34, R35)."""
    frozen = origine.identite_statut == COMPLETE
    due = statut(origine.traitement, day, settings.emission_obligatoire_le)
    return {"traitement": origine.traitement, "statut_transmission": due if frozen else SANS_OBJET}


def check_asked(facture: Facture, identite: Identite) -> None:
    """Refuse B2B for a buyer who has no SIREN and will have none (R34). Raises SirenRequis."""
    buyer = identite.acheteur
    if facture.traitement != B2B or buyer is None or _AWAITED & set(identite.missing):
        return
    if not buyer["siren"]:
        raise SirenRequis(champ="traitement")


def check_destination(facture: Facture, identite: Identite) -> None:
    """Refuse to sell to Monaco as to another country (R34). Raises MonacoCommeEnFrance."""
    buyer = identite.acheteur
    destination = (facture.livraison or (buyer["adresse"] if buyer else {})).get("pays")
    if facture.motif_exoneration in (INTRACOM, EXPORT) and destination == _MONACO:
        raise MonacoCommeEnFrance(champ="motif_exoneration")
