"""What follows the issue of an invoice once its parties are frozen, in the transaction that freezes them.

That is the issue itself, or the job that completes identities. What is owed here is done after the
commit, by jobs.
"""

from db_utils import Transaction

from service_factures import fabrication, historique
from service_factures.ereporting import journal
from service_factures.models import COMPLETE, Facture
from service_factures.transmission import A_ENVOYER


async def owe(tx: Transaction, facture: Facture) -> None:
    """Owe the document of *facture* (R30) and, if it has to be sent, its way to the buyer (R35).

    Nothing is owed as long as the parties are not known; the same again owes nothing more. What is to be
    reported of it (R42) is written as soon as its treatment is settled, which a request may have done.
    """
    await journal.issued(tx, facture)
    if facture.identite_statut != COMPLETE:
        return
    await fabrication.owe(tx, facture)
    if facture.statut_transmission == A_ENVOYER:
        await historique.begin(tx, facture)
