"""What lines of bordereaux are called, in French (R21)."""

from datetime import date
from typing import Final

from service_commission.bordereau_models import Acompte, ReportNegatif
from service_commission.models import Commission

_TYPES: Final = {
    "INITIALE": "Initiale",
    "RECURRENCE": "Récurrence",
    "PRIME": "Prime",
    "REGULARISATION": "Régularisation",
}
_REPRISES: Final = {"RESILIATION": "Résiliation", "IMPAYE": "Impayé", "ANNULATION": "Annulation"}


def nature(commission: Commission) -> str:
    """What kind of commission this is: Récurrence (mois 2)."""
    text = _TYPES[commission.type]
    if commission.type == "PRIME" and commission.palier_code:
        return f"{text} {commission.palier_code}"
    if commission.type == "RECURRENCE" and commission.numero_mois:
        return f"{text} (mois {commission.numero_mois})"
    return text


def nature_reprise(kind: str) -> str:
    """Why a commission is taken back."""
    return _REPRISES[kind]


def bareme(commission: Commission) -> str:
    """The scale that decided a commission, with its version; empty where none did."""
    return f"{commission.bareme_code} v{commission.bareme_version}" if commission.bareme_code else ""


def of_commission(commission: Commission) -> str:
    """The line of a commission."""
    return f"{nature(commission)} {commission.reference}"


def of_reprise(kind: str, reference: str, evenement: date) -> str:
    """The line of a reprise of the commission *reference*."""
    return f"Reprise ({nature_reprise(kind).lower()} du {evenement:%d/%m/%Y}) {reference}"


def of_report(report: ReportNegatif) -> str:
    """The line of a carry-over."""
    return f"Report de {report.periode_origine}"


def of_acompte(acompte: Acompte) -> str:
    """The line of an acompte."""
    return f"Acompte de {acompte.periode}"
