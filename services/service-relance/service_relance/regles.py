"""Look-up of the rules that apply (R4), and the default set that an organisation gets once (R1)."""

from collections.abc import Sequence

from db_utils import Transaction
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from service_relance import rules
from service_relance.models import JeuParDefaut, RegleRelance

_own = RegleRelance.organisation_id == bindparam("organisation_id")
_ANY = select(RegleRelance.id).where(_own).limit(1)
# Of each level the société's rule, else the organisation's, whose société is ''.
_APPLYING = (
    select(RegleRelance)
    .where(
        _own,
        RegleRelance.declencheur == bindparam("declencheur"),
        RegleRelance.societe_id == any_(bindparam("societes", type_=ARRAY(String))),
        RegleRelance.actif,
    )
    .ext(distinct_on(RegleRelance.niveau))
    .order_by(RegleRelance.niveau, RegleRelance.societe_id.desc())
)


async def applying_rules(
    tx: Transaction, organisation_id: str, societe_id: str, declencheur: str
) -> Sequence[RegleRelance]:
    """Active rules for *declencheur*, one per level: the société's, else the organisation's (R4).

    Before the answer is empty, the default set is supplied if it is due.
    """
    wanted = {
        "organisation_id": organisation_id,
        "societes": ["", societe_id],
        "declencheur": declencheur,
    }
    found = await tx.all(_APPLYING, **wanted)
    if not found:
        await _supply_defaults(tx, organisation_id)
        found = await tx.all(_APPLYING, **wanted)
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
