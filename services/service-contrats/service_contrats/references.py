"""References CTR-<year>-<number>, numbered by organisation and year without gaps (R1).

The counter is a row of the transaction that makes the contract: one that fails gives its number back,
and contracts of one organisation are made one after the other. People read a gap as a lost contract.
"""

from db_utils import Transaction, clock
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from service_contrats.models import CompteurReference, Contrat

_NEXT = (
    insert(CompteurReference)
    .values(organisation_id=bindparam("organisation_id"), annee=bindparam("annee"), dernier=1)
    .on_conflict_do_update(
        index_elements=["organisation_id", "annee"], set_={"dernier": CompteurReference.dernier + 1}
    )
    .returning(CompteurReference.dernier)
)
_TAKEN = select(Contrat.id).where(Contrat.reference == bindparam("reference"))


async def next_reference(tx: Transaction, organisation_id: str) -> str:
    """The next reference of the organisation that no contract has; others wait for the end of *tx*.

    Somebody may give it to a contract by hand before *tx* ends, which then fails: try again.
    """
    annee = clock.today().year
    while True:
        number = await tx.one(_NEXT, organisation_id=organisation_id, annee=annee)
        reference = f"CTR-{annee}-{number:06d}"
        if await tx.one(_TAKEN, reference=reference) is None:
            return reference
