"""What contrats tells of the contract behind a schedule (R2, R31, R32, R34)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm.contrats.contrats_pb2 import (
    Contrat,
    GetContratRequest,
    GetContratWithDetailsRequest,
    GetContratWithDetailsResponse,
    LigneContrat,
)
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, answered_or_none, optional_date, rounded

from service_payments.models import FREQUENCES, UNIQUE

RESILIE, ANNULE, SUSPENDU, EXPIRE = "RESILIE", "ANNULE", "SUSPENDU", "EXPIRE"
# A contract of another system, whose statut nobody here knows: its schedule goes on (C2).
INCONNU: Final = ""


@dataclass(frozen=True, slots=True)
class ContratLu:
    """A contract as a schedule needs it; dates are None where it has none."""

    societe_id: str
    produit_id: str
    frequence: str
    nombre_echeances: int | None
    montant_total: Decimal
    date_debut: date | None
    date_fin: date | None
    tva: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Statut:
    """Where a contract stands, with the days on which it was terminated or ends."""

    nom: str = INCONNU
    date_resiliation: date | None = None
    date_fin: date | None = None


async def read_contract(peers: Peers, contrat_id: str) -> ContratLu | None:
    """Read the contract *contrat_id* in the organisation of the scope; None for one of another system.

    Raises Unavailable while contrats is away.
    """
    if parse_uuid(contrat_id) is None:
        return None
    stub = peers.stub(ContratServiceStub)
    told = await answered_or_none(stub.GetWithDetails(GetContratWithDetailsRequest(id=contrat_id)))
    return None if told is None else _contract(told)


def _contract(told: GetContratWithDetailsResponse) -> ContratLu:
    contrat: Contrat = told.contrat
    known = contrat.frequence_facturation in FREQUENCES
    return ContratLu(
        societe_id=contrat.societe_id,
        produit_id=contrat.produit_id,
        frequence=contrat.frequence_facturation if known else UNIQUE,
        nombre_echeances=contrat.nombre_echeances or None,
        montant_total=rounded(Decimal(str(contrat.montant_total))),
        date_debut=optional_date(contrat.date_debut, "date_debut"),
        date_fin=optional_date(contrat.date_fin, "date_fin"),
        tva=_rates(told.lignes),
    )


def _rates(lignes: Any) -> list[dict[str, str]]:
    """The amounts of the *lignes* with their rates; none unless each line has its rate (R31)."""
    if not all(ligne.HasField("taux_tva") for ligne in lignes):
        return []
    return [_rate(ligne) for ligne in lignes]


def _rate(ligne: LigneContrat) -> dict[str, str]:
    montant = rounded(Decimal(str(ligne.prix_unitaire)) * ligne.quantite)
    return {
        "taux": str(rounded(Decimal(str(ligne.taux_tva)))),
        "motif": ligne.motif_exoneration,
        "montant": str(montant),
    }


async def read_statut(peers: Peers, contrat_id: str | None) -> Statut:
    """Tell where the contract stands, in the organisation of the scope (R34).

    Raises Unavailable while contrats is away.
    """
    if contrat_id is None or parse_uuid(contrat_id) is None:
        return Statut()
    contrat = await answered_or_none(peers.stub(ContratServiceStub).Get(GetContratRequest(id=contrat_id)))
    if contrat is None:
        return Statut()
    return Statut(
        contrat.statut,
        optional_date(contrat.date_resiliation, "date_resiliation"),
        optional_date(contrat.date_fin, "date_fin"),
    )
