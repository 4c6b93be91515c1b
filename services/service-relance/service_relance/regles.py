"""Which rule applies, and the default set that an organisation gets once in its life."""

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
    .order_by(RegleRelance.societe_id.desc())
    .limit(1)
)


async def applying_rule(
    tx: Transaction, organisation_id: str, societe_id: str, declencheur: str
) -> RegleRelance | None:
    """The active rule for *declencheur*: that of the société, else that of the organisation (R4).

    For triggers without levels. None when the organisation wants none.
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

    The marker decides: it outlives the rules, and who meets another's waits for his commit.
    """
    first = await tx.insert_if_absent(JeuParDefaut(organisation_id=organisation_id))
    if first and await tx.one(_ANY, organisation_id=organisation_id) is None:
        for regle in rules.default_rules(organisation_id):
            await tx.insert(regle)
