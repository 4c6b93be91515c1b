"""What reminders of the tests are about: invoices of 1 200 euros, due on 5 February 2026."""

from datetime import date
from decimal import Decimal
from typing import Any

from service_relance.dossiers import Dossier, FactureDue
from service_relance.models import RegleRelance
from service_relance.penalites import montants

DUE = date(2026, 2, 5)


def regle(**fields: Any) -> RegleRelance:
    """Rule without texts of its own."""
    usual = {"declencheur": "IMPAYE", "niveau": 1, "delai_jours": 15, "action_type": "ENVOYER_EMAIL"}
    return RegleRelance(**{"organisation_id": "org-123", "nom": "Rappel", **usual, **fields})


def facture(niveau: int, days: int, *, professionnel: bool = True, **fields: Any) -> FactureDue:
    """Invoice that level *niveau* asks for, so many days late."""
    solde = fields.pop("solde", Decimal("1200.00"))
    usual = {
        "numero": "FAC2026000001",
        "montant_facture": Decimal("1200.00"),
        "date_echeance": DUE,
        "jours_retard": days,
        "montants": montants(
            solde,
            professionnel=professionnel,
            niveau=niveau,
            taux=Decimal("12.15"),
            jours_retard=days,
        ),
    }
    return FactureDue(**{**usual, **fields})


def impaye(niveau: int, *factures: FactureDue, professionnel: bool = True, **fields: Any) -> Dossier:
    """Dossier about *factures*."""
    usual = {
        "declencheur": "IMPAYE",
        "niveau": niveau,
        "jour": date(2026, 3, 23),
        "client_nom": "Anne Dupont",
        "professionnel": professionnel,
        "societe_nom": "Atelier Élan",
        "moyens_paiement": "virement sur le compte FR76 3000 6000 0112 3456 7890 189",
        "contact": "factures@exemple.fr",
        "factures": factures,
    }
    return Dossier(**{**usual, **fields})
