"""The lines and the VAT of an invoice as rows, written together and removed together."""

from collections.abc import Sequence
from uuid import UUID

from db_utils import Transaction
from sqlalchemy import bindparam, delete

from service_factures import rules
from service_factures.lecture import Contenu
from service_factures.models import Facture, FactureTva, LigneFacture
from service_factures.totaux import Totaux

_WITHOUT_LIGNES = delete(LigneFacture).where(LigneFacture.facture_id == bindparam("facture_id"))
_WITHOUT_TVA = delete(FactureTva).where(FactureTva.facture_id == bindparam("facture_id"))


async def write_contenu(
    tx: Transaction,
    facture: Facture,
    totaux: Totaux,
    motif: str | None,
    origines: Sequence[UUID | None] = (),
) -> Contenu:
    """Write what *facture* comes to; *motif* is the reason of its lines at 0 %.

    *origines* are the lines that those of an avoir credit.
    """
    place = facture.id, facture.organisation_id
    lignes = rules.ligne_rows(*place, totaux.lignes, motif, origines)
    parts = rules.tva_rows(*place, totaux.parts, motif)
    for row in (*lignes, *parts):
        await tx.insert(row)
    return Contenu(lignes, parts)


async def clear_contenu(tx: Transaction, facture: Facture) -> None:
    """Remove the lines and the VAT of a draft."""
    for statement in (_WITHOUT_LIGNES, _WITHOUT_TVA):
        await tx.execute(statement, facture_id=facture.id)
