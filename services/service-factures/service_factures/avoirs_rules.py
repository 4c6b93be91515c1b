"""What an avoir comes to, as pure functions (R21): by lines, by an amount, or all that is left.

The sums of all avoirs of an invoice never pass what it came to, in HT and in VAT of each rate, and what
an avoir exhausts gets exactly the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from grpc_utils import written_amount
from grpc_utils.errors import FailedPrecondition, InvalidArgument

from service_factures import totaux
from service_factures.models import ZERO
from service_factures.partage import shares
from service_factures.totaux import Ligne, Part, Totaux

_CENT: Final = Decimal("0.01")


class AvoirTropEleve(InvalidArgument):
    """L'avoir dépasse ce qui reste à créditer."""


class RienACrediter(FailedPrecondition):
    """Il ne reste rien à créditer sur cette facture."""


class LigneInconnue(InvalidArgument):
    """Cette ligne n'est pas une ligne de la facture."""


class QuantiteTropElevee(InvalidArgument):
    """La quantité dépasse ce qui reste à créditer de la ligne."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A quantity of a line of the invoice, of which *reste* was not credited yet, and *deja_ht* was."""

    origine: UUID
    ligne: Ligne
    quantite: Decimal
    reste: Decimal
    deja_ht: Decimal = ZERO

    @property
    def montant_ht(self) -> Decimal:
        """What the quantity comes to: all that is credited of the line then, less what was before.

        Parts that are rounded one by one would come to more or less than the line.
        """
        ligne = self.ligne
        if self.quantite == self.reste:
            return ligne.montant_ht - self.deja_ht
        credited = ligne.quantite - self.reste + self.quantite
        return totaux.montant_ht(credited, ligne.prix_unitaire, ligne.remise_pct) - self.deja_ht


@dataclass(frozen=True, slots=True)
class Avoir:
    """What an avoir comes to; *origines* are the lines of the invoice that its lines credit, if any."""

    totaux: Totaux
    origines: tuple[UUID | None, ...]


def restes(origin: Sequence[Part], earlier: Sequence[Part]) -> tuple[Part, ...]:
    """What is still creditable at each rate, the highest first."""
    left = {part.taux: part for part in origin}
    for part in earlier:
        rest = left[part.taux]
        left[part.taux] = Part(part.taux, rest.base_ht - part.base_ht, rest.montant_tva - part.montant_tva)
    return tuple(sorted(left.values(), key=lambda part: part.taux, reverse=True))


def of_rest(libelle: str, rest: Sequence[Part]) -> Avoir:
    """All that is still creditable, a line a rate. Raises RienACrediter."""
    return _by_rate(libelle, [part for part in rest if part.ttc or part.base_ht])


def of_montant(libelle: str, montant: Decimal, rest: Sequence[Part]) -> Avoir:
    """*montant*, taxes included, over all rates in proportion. Raises AvoirTropEleve."""
    left = sum((part.ttc for part in rest), ZERO)
    if montant > left:
        raise AvoirTropEleve(champ="montant", reste=written_amount(left))
    split = shares(montant, [part.ttc for part in rest])
    return _by_rate(libelle, [_split(ttc, part) for ttc, part in zip(split, rest, strict=True) if ttc])


def of_lignes(credits: Sequence[Credit], rest: Sequence[Part], exhausted: Mapping[Decimal, bool]) -> Avoir:
    """The lines of *credits* at their price, within *rest*.

    *exhausted* tells the rates of which every line is credited whole with this avoir: they get exactly
    what is left. Raises AvoirTropEleve, QuantiteTropElevee.
    """
    for rang, credit in enumerate(credits):
        if credit.quantite > credit.reste:
            raise QuantiteTropElevee(champ=f"lignes[{rang}].quantite", reste=f"{credit.reste.normalize():f}")
    lignes: list[Ligne] = []
    origines: list[UUID | None] = []
    parts: list[Part] = []
    for left in rest:
        own = [credit for credit in credits if credit.ligne.taux_tva == left.taux]
        if own:
            priced, part = _within(own, left, exhausted[left.taux])
            lignes += priced
            origines += [credit.origine for credit in own]
            parts.append(part)
    return Avoir(Totaux(tuple(lignes), tuple(parts)), tuple(origines))


def _within(credits: Sequence[Credit], left: Part, exhausted: bool) -> tuple[list[Ligne], Part]:
    """The lines of one rate and what they come to, at most *left*."""
    priced = [
        replace(credit.ligne, quantite=credit.quantite, montant_ht=credit.montant_ht) for credit in credits
    ]
    asked = sum((ligne.montant_ht for ligne in priced), ZERO)
    # An avoir by amount may have moved a cent from the VAT of a rate to its base, or back.
    if asked > left.base_ht + _CENT * len(priced):
        raise AvoirTropEleve(champ="lignes", reste=written_amount(left.base_ht))
    ht = left.base_ht if exhausted else min(asked, left.base_ht)
    last = priced[-1]
    priced[-1] = replace(last, montant_ht=last.montant_ht + ht - asked)
    whole = ht == left.base_ht
    tva = left.montant_tva if whole else min(totaux.tva(ht, left.taux), left.montant_tva)
    return priced, Part(left.taux, ht, tva)


def _split(ttc: Decimal, left: Part) -> Part:
    """*ttc* as base and VAT, moved by a cent where either would pass what is *left*."""
    wanted = totaux.without_tva(ttc, left.taux)
    ht = max(min(wanted, left.base_ht), ttc - left.montant_tva)
    return Part(left.taux, ht, ttc - ht)


def _by_rate(libelle: str, parts: Sequence[Part]) -> Avoir:
    if not parts:
        raise RienACrediter
    lignes = tuple(totaux.ligne_at(libelle, part.base_ht, part.taux) for part in parts)
    return Avoir(Totaux(lignes, tuple(parts)), (None,) * len(lignes))
