"""Look-up of the rules that apply (R4), and the default set that an organisation gets once (R1)."""

from collections.abc import Sequence

from db_utils import Reader, Transaction
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance import rules
from service_relance.models import JeuParDefaut, RegleRelance
from service_relance.regles_rules import in_force

_own = RegleRelance.organisation_id == bindparam("organisation_id")
_ANY = select(RegleRelance.id).where(_own).limit(1)
_FOR_SOCIETE = select(RegleRelance).where(
    _own,
    RegleRelance.declencheur == bindparam("declencheur"),
    RegleRelance.societe_id == any_(bindparam("societes", type_=ARRAY(String))),
    RegleRelance.actif,
)
# Locked, so that no rule is deleted or deactivated while a reminder is planned by it.
_APPLYING = _FOR_SOCIETE.with_for_update(read=True)


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
        await supply_defaults(tx, organisation_id)
        found = await tx.all(_APPLYING, **wanted)
    return in_force(found, societe_id)


async def expected_rules(
    reader: Reader, organisation_id: str, societe_id: str, declencheur: str
) -> Sequence[RegleRelance]:
    """The rules that `applying_rules` is about to find, those of the default set included.

    They are a forecast for look-ups, which write nothing: a rule may change before the transaction.
    """
    found = await reader.all(
        _FOR_SOCIETE,
        organisation_id=organisation_id,
        societes=["", societe_id],
        declencheur=declencheur,
    )
    return in_force(found, societe_id) or [
        regle for regle in rules.default_rules(organisation_id) if regle.declencheur == declencheur
    ]


async def supply_defaults(tx: Transaction, organisation_id: str) -> None:
    """Give the default set to an organisation without rules, unless it has had it before (R1).

    The mark decides, since it outlives the rules. A call that meets the mark of another
    transaction waits for its end, so that of many first uses at once one supplies the set.
    """
    first = await tx.insert_if_absent(JeuParDefaut(organisation_id=organisation_id))
    if first and await tx.one(_ANY, organisation_id=organisation_id) is None:
        for regle in rules.default_rules(organisation_id):
            await tx.insert(regle)
