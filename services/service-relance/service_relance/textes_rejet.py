"""Built-in text of the task after rejected debits (R8). Pure.

It is for a colleague: the mail to the client about a rejection is that of the email service.
"""

from grpc_utils import written_amount
from service_kit import rejets

from service_relance.dossiers import Dossier, Rejet, written
from service_relance.motifs_rejet import needed


def titre(dossier: Dossier) -> str:
    """Title, which names the client."""
    objet = "Prélèvement rejeté" if len(dossier.rejets) == 1 else "Prélèvements rejetés"
    return f"{objet} : {dossier.client_nom}"


def corps(dossier: Dossier) -> str:
    """Client, and for each rejected debit its amount, its day, the reason and what is to be done."""
    fields = (("Client", dossier.client_nom), ("Téléphone", dossier.client_telephone))
    head = "\n".join(f"{name} : {value}" for name, value in fields if value)
    return "\n\n".join([head, *map(_paragraph, dossier.rejets)])


def _paragraph(rejet: Rejet) -> str:
    of = f" de {written_amount(rejet.montant)}" if rejet.montant else ""
    on = f" le {written(rejet.date_rejet)}" if rejet.date_rejet else ""
    about = f" (facture {rejet.numero})" if rejet.numero else ""
    lines = (f"Prélèvement{of} rejeté{on}{about}", _reason(rejet.code), f"→ {needed(rejet.code)}")
    return "\n".join(filter(None, lines))


def _reason(code: str) -> str:
    words = rejets.in_words(code)
    told = f"{words} ({code})" if words else code
    return f"Motif : {told or 'non communiqué'}"
