"""Look-up of the rule that applies (R4), and the default set that an organisation gets once (R1)."""

from db_utils import Transaction
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance import rules
from service_relance.models import JeuParDefaut, RegleRelance

_own = RegleRelance.organisation_id == bindparam("organisation_id")
_ANY = select(RegleRelance.id).where(_own).limit(1)
_APPLYING = (
    select(RegleRelance)
    .where(
        _own,
        RegleRelance.declencheur == bindparam("declencheur"),
        RegleRelance.societe_id == any_(bindparam("societes", type_=ARRAY(String))),
        RegleRelance.actif,
    )
    .order_by(RegleRelance.societe_id.desc())  # the société's before the organisation's, which is ''
    .limit(1)
)


async def applying_rule(
    tx: Transaction, organisation_id: str, societe_id: str, declencheur: str
) -> RegleRelance | None:
    """Active rule for *declencheur*: the société's, else the organisation's, else None (R4).

    For triggers without levels. Before the answer is None, the default set is supplied if it is due.
    """
    wanted = {
        "organisation_id": organisation_id,
        "societes": ["", societe_id],
        "declencheur": declencheur,
    }
    found = await tx.one(_APPLYING, **wanted)
    if found is None:
        await _supply_defaults(tx, organisation_id)
        found = await tx.one(_APPLYING, **wanted)
    return found


async def _supply_defaults(tx: Transaction, organisation_id: str) -> None:
    """Give the default set to an organisation without rules, unless it has had it before (R1).

    The mark decides, since it outlives the rules. A call that meets the mark of another
    transaction waits for its end, so that of many first uses at once one supplies the set.
    """
    first = await tx.insert_if_absent(JeuParDefaut(organisation_id=organisation_id))
    if first and await tx.one(_ANY, organisation_id=organisation_id) is None:
        for regle in rules.default_rules(organisation_id):
            await tx.insert(regle)
