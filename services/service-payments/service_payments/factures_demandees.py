"""The request for the invoice of an échéance: fixed before it is made, repeated word for word (R7)."""

from collections.abc import Mapping
from typing import Any, Final

from crm.factures.factures_pb2 import CreateFactureRequest
from google.protobuf.json_format import MessageToDict, ParseDict

from service_payments import echeancier_rules as rules
from service_payments.models import CARTE, CHEQUE, ESPECES, SEPA_DEBIT, VIREMENT, Echeance, Echeancier

MODES: Final[Mapping[str, str]] = {
    SEPA_DEBIT: "PRELEVEMENT_SEPA",
    VIREMENT: "VIREMENT",
    CARTE: "CARTE",
    CHEQUE: "CHEQUE",
    ESPECES: "ESPECES",
}


def demande(schedule: Echeancier, echeance: Echeance) -> dict[str, Any]:
    """What factures is asked for *echeance*, in the form in which it is stored."""
    request = CreateFactureRequest(
        organisation_id=schedule.organisation_id,
        client_id=schedule.client_id,
        societe_id=schedule.societe_id,
        contrat_id=schedule.contrat_id or "",
        date_echeance=echeance.date_prelevement.isoformat() if echeance.date_prelevement else "",
        mode_paiement=MODES[schedule.moyen],
        libelle=_libelle(schedule, echeance),
        idempotency_key=f"echeance:{echeance.id}",
    )
    _amounts(request, echeance, list(rules.shares(echeance.montant, schedule.tva.get("lignes", ()))))
    return MessageToDict(request, preserving_proto_field_name=True)


def _amounts(request: CreateFactureRequest, echeance: Echeance, shares: list[tuple[str, str, Any]]) -> None:
    """Write the amount: at the rate of the contract, by rate, or at factures' own rate (R31)."""
    if len(shares) > 1:
        for taux, motif, part in shares:
            request.montants.add(montant=float(part), taux_tva=float(taux), libelle=request.libelle)
            if motif and not float(taux):
                request.motif_exoneration = motif  # of all rows at 0
        return
    request.montant = float(echeance.montant)
    for taux, motif, _ in shares:
        request.taux_tva = float(taux)
        request.motif_exoneration = motif


def _libelle(schedule: Echeancier, echeance: Echeance) -> str:
    total = f" sur {schedule.nombre_echeances}" if schedule.nombre_echeances else ""
    return f"Échéance {echeance.rang}{total}"


def request_of(stored: Mapping[str, Any]) -> CreateFactureRequest:
    """The request that was *stored*, its société named even where it is the default one."""
    request = CreateFactureRequest()
    ParseDict(dict(stored), request, ignore_unknown_fields=True)
    request.societe_id = stored.get("societe_id", "")  # JSON leaves out what is empty
    return request
