"""The template that applies to a message: the organisation's own, else the system's (R8)."""

from dataclasses import dataclass
from typing import Final

from db_utils import Transaction
from grpc_utils.errors import FormatInvalide, Introuvable
from sqlalchemy import bindparam, or_, select

from service_email.models import Modele

FRENCH: Final = "fr"
_MODELES = (
    select(Modele)
    .where(
        Modele.code == bindparam("code"),
        Modele.langue.in_((bindparam("langue"), FRENCH)),
        or_(
            Modele.organisation_id == bindparam("organisation"),
            Modele.organisation_id.is_(None),
        ),
    )
    # The language that was asked for, and in each that of the organisation before the system's.
    .order_by((Modele.langue == bindparam("langue")).desc(), Modele.organisation_id.nulls_last())
)


@dataclass(frozen=True, slots=True)
class Applicable:
    """The template that applies, and the names of all variables that may be given to it."""

    modele: Modele
    variables: frozenset[str]


def checked_langue(langue: str) -> str:
    """The language *langue*, two small letters, French when it is empty. Raises FormatInvalide."""
    asked = langue or FRENCH
    if not (len(asked) == len("fr") and asked.isascii() and asked.isalpha() and asked.islower()):
        raise FormatInvalide("deux lettres minuscules comme fr", champ="langue")
    return asked


async def asked_modele(tx: Transaction, code: str, organisation_id: str, langue: str) -> Applicable:
    """The template *code* in *langue*, or in French where it is not written in it (R26).

    What the system's template takes may be given to that of the organisation, too, whatever it uses.
    Raises FormatInvalide, Introuvable.
    """
    asked = checked_langue(langue)
    modeles = await tx.all(_MODELES, code=code, organisation=organisation_id, langue=asked)
    if not modeles:
        raise Introuvable(champ="modele_code")
    return Applicable(modeles[0], frozenset(name for one in modeles for name in one.variables))


async def applying_modele(tx: Transaction, code: str, organisation_id: str) -> Modele:
    """The French template of the organisation, or the system's where it has none of its own (R8)."""
    modeles = await tx.all(_MODELES, code=code, organisation=organisation_id, langue=FRENCH)
    assert modeles, f"the migrations supply {code}"
    return modeles[0]
