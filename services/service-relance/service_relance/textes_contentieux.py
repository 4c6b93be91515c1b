"""Text of the task that hands an invoice over to legal proceedings (R20). Pure."""

from grpc_utils import written_amount
from pdf_utils import typeset

from service_relance.dossiers import FactureDue, written

_LONGEST_TITRE = 255


def texte(client_nom: str, telephone: str, facture: FactureDue) -> tuple[str, str]:
    """Title and body of the task about *facture*."""
    sums = facture.montants
    late = written_amount(sums.penalites) if sums.indemnite else ""
    fields = [
        ("Client", client_nom),
        ("Téléphone", telephone),
        ("Facture", facture.numero),
        ("Échéance", written(facture.date_echeance)),
        ("Reste dû", written_amount(sums.montant_du)),
        ("Pénalités de retard", late),
        ("Indemnité", written_amount(sums.indemnite) if sums.indemnite else ""),
        ("Total dû", written_amount(sums.total_du)),
        ("Relances", ", ".join(written(one) for one in facture.rappels)),
    ]
    sentence = (
        "Toutes les relances ont été faites et le prélèvement ne sera plus présenté : transmettre le dossier"
        " au contentieux."
    )
    lines = [sentence, "", *(f"{name} : {value}" for name, value in fields if value)]
    titre = f"Dossier à transmettre au contentieux : facture {facture.numero}"
    return typeset(titre)[:_LONGEST_TITRE], typeset("\n".join(lines))
