"""The issue of an invoice: what it is then given for good, and invoice.created (R6, R9)."""

from datetime import UTC, datetime, time
from typing import Any

from crm.events.business_pb2 import InvoiceCreatedEvent
from db_utils import Transaction, clock
from grpc_utils import timestamp
from nats_utils import publish

from service_factures import echeances, penalites, suites, traitements
from service_factures.identite import Identite, IdentiteIncomplete, check_numbers
from service_factures.mentions_legales import Mention
from service_factures.models import EMISE, Facture
from service_factures.rules import FactureNulle
from service_factures.societes import FactureSettings


def check_issuable(facture: Facture, identite: Identite, *, strict: bool) -> None:
    """Refuse to issue what is worth nothing (R23), or whose parties do not do (R5, R12, R34).

    Raises FactureNulle, NumeroTvaRequis, SirenRequis, MonacoCommeEnFrance, and when *strict*
    IdentiteIncomplete.
    """
    if not facture.montant_ttc:
        raise FactureNulle
    check_numbers(facture.motif_exoneration, identite)
    traitements.check_asked(facture, identite)
    traitements.check_destination(facture, identite)
    if strict and identite.missing:
        raise IdentiteIncomplete(manque=",".join(identite.missing))


def issued(
    draft: Facture,
    number: dict[str, Any],
    settings: FactureSettings,
    identite: Identite,
    mention: Mention,
) -> dict[str, Any]:
    """The columns that the issue of *draft* under *number* fills. Raises InvalidArgument."""
    emission = number["date_emission"]
    taux, sure = penalites.taux(emission, settings.taux_penalites)
    business = not identite.particulier
    warnings = () if sure or not business else (penalites.A_CONFIRMER,)
    return {
        **number,
        "statut": EMISE,
        "emise_at": clock.now(),
        "date_prestation": draft.date_prestation or emission,
        "date_echeance": echeances.echeance(
            emission,
            draft.date_echeance,
            draft.conditions_paiement,
            settings.calcul_fin_de_mois,
            particulier=identite.particulier,
            recapitulative=draft.recapitulative,
        ),
        "taux_penalites": taux if business else None,
        "indemnite_recouvrement": penalites.INDEMNITE if business else None,
        "mention_exoneration": mention.texte,
        "vatex": mention.vatex,
        **identite.columns((*mention.avertissements, *warnings)),
    }


async def announce(tx: Transaction, facture: Facture) -> None:
    """Publish that *facture* was issued, and owe what follows the issue.

    The due date is at noon, so that no reader shifts the day (C3). The finance team is told once when
    the late-payment rate is not sure (R15).
    """
    assert facture.date_emission is not None  # it is issued
    assert facture.date_echeance is not None
    if penalites.A_CONFIRMER in facture.avertissements:
        await penalites.owe_alert(tx, facture.organisation_id, facture.date_emission)
    await suites.owe(tx, facture)
    noon = datetime.combine(facture.date_echeance, time(12), UTC)
    publish(
        tx,
        InvoiceCreatedEvent(
            invoice_id=str(facture.id),
            client_id=facture.client_id,
            montant=float(facture.montant_ttc),
            date_echeance=timestamp(noon),
            organisation_id=facture.organisation_id,
            societe_id=facture.societe_id,
            numero=facture.numero or "",
            contrat_id=facture.contrat_id or "",
        ),
    )
