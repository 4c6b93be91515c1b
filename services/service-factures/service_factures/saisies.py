"""Amounts of requests as priced totals (R1 to R5, R46), by the rates that a société may charge."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from crm.factures import factures_pb2 as pb
from grpc_utils import at_most, entry, money, one_of, opaque_id, percentage, permitted, required, within
from grpc_utils.errors import ChampRequis, InvalidArgument, MontantInvalide

from service_factures import exonerations, totaux
from service_factures.models import ZERO
from service_factures.societes import FactureSettings
from service_factures.totaux import PRESTATION, PRIX_TROP_ELEVE, UNITE, Ligne, Montant, Totaux

TTC, HT = "TTC", "HT"
NORMAL_RATE: Final = Decimal(20)
_LONGEST, _LONGEST_UNITE = 500, 50
_MILLI, _PRICE_STEP = Decimal("0.001"), Decimal("0.0001")
_MOST_QUANTITE = Decimal(10) ** 9


class SaisieAmbigue(InvalidArgument):
    """Une facture est saisie par montant, par montants ou par lignes, et par un seul des trois."""


class QuantiteInvalide(InvalidArgument):
    """Une quantité va de 0,001 à 999 999 999,999, avec trois décimales au plus."""


class TauxNonAutorise(InvalidArgument):
    """La société ne facture pas ce taux de TVA ; ses paramètres disent lesquels."""


@dataclass(frozen=True, slots=True)
class Saisie:
    """What an invoice comes to, with the reason of its lines at 0 %, if it has one."""

    totaux: Totaux
    motif: str | None

    @property
    def categories(self) -> set[str]:
        """The categories of its lines."""
        return {exonerations.categorie(taux, self.motif) for taux in self.totaux.rates}


def is_given(request: pb.CreateFactureRequest | Any) -> bool:
    """Whether *request* says what the invoice is to come to."""
    return bool(request.HasField("montant") or request.montants or request.lignes)


def saisie(request: Any, motif: str | None, nature: str, settings: FactureSettings) -> Saisie:
    """What *request* says, a Create or an Update, checked (R4, R5). Raises InvalidArgument."""
    if request.HasField("montant") + bool(request.montants) + bool(request.lignes) != 1:
        raise SaisieAmbigue(champ="montant")
    if request.lignes:
        motif = motif or (exonerations.FRANCHISE_293B if settings.franchise_tva else None)
        totals = totaux.of_lignes(lignes(request.lignes, settings))
    else:
        motif = exonerations.FRANCHISE_293B if settings.franchise_tva else motif
        totals = _by_montants(request, settings)
    check_rates(totals.rates, motif, nature, settings)
    return Saisie(totals, motif)


def check_rates(rates: Iterable[Decimal], motif: str | None, nature: str, settings: FactureSettings) -> None:
    """Refuse rates that the société may not charge, or not for *motif* (R5). Raises InvalidArgument."""
    known = check_known(rates, settings)
    exonerations.check(motif, known, nature, franchise=settings.franchise_tva)


def check_known(rates: Iterable[Decimal], settings: FactureSettings) -> set[Decimal]:
    """The *rates*, all of which the société may charge (R5). Raises TauxNonAutorise."""
    known = set(rates)
    if not known <= set(settings.taux_autorises):
        raise TauxNonAutorise(*permitted(_written(settings.taux_autorises)), champ="taux_tva")
    return known


def lignes(asked: Iterable[pb.LigneInput], settings: FactureSettings) -> list[Ligne]:
    """Lines of a request, priced (R1). Raises InvalidArgument."""
    priced: list[Ligne] = []
    for rang, one in enumerate(asked):
        with entry("lignes", rang):
            priced.append(_ligne(one, settings))
    return priced


def _ligne(asked: pb.LigneInput, settings: FactureSettings) -> Ligne:
    quantite = quantity(asked.quantite)
    prix = _price(asked.prix_unitaire)
    remise = percentage(asked.remise_pct, "remise_pct")
    return Ligne(
        description=at_most(required(asked.description, "description"), _LONGEST, "description"),
        quantite=quantite,
        prix_unitaire=prix,
        remise_pct=remise,
        taux_tva=_rate(asked, settings),
        montant_ht=totaux.montant_ht(quantite, prix, remise),
        produit_id=opaque_id(asked.produit_id, "produit_id"),
        unite=at_most(asked.unite, _LONGEST_UNITE, "unite") or UNITE,
    )


def _by_montants(request: Any, settings: FactureSettings) -> Totaux:
    """Totals of `montant` and of `montants`; with franchise_tva all of it is at 0 % (R46)."""
    if request.montants:
        montants: list[Montant] = []
        for rang, one in enumerate(request.montants):
            with entry("montants", rang):
                montants.append(_montant(one, settings))
        return totaux.of_montants(montants)
    mode = one_of(request.mode_montant or TTC, (TTC, HT), "mode_montant")
    libelle = at_most(request.libelle, _LONGEST, "libelle") or PRESTATION
    taux = ZERO if settings.franchise_tva else _rate(request, settings)
    amount = money(request.montant, "montant", positive=True)
    if mode == HT:
        return totaux.of_lignes([totaux.ligne_at(libelle, amount, taux)])
    return totaux.of_montants([Montant(amount, taux, libelle)])


def _montant(asked: pb.MontantInput, settings: FactureSettings) -> Montant:
    return Montant(
        money(asked.montant, "montant", positive=True),
        ZERO if settings.franchise_tva else percentage(asked.taux_tva, "taux_tva"),
        at_most(asked.libelle, _LONGEST, "libelle") or PRESTATION,
        opaque_id(asked.produit_id, "produit_id"),
    )


def _rate(asked: Any, settings: FactureSettings) -> Decimal:
    """The rate that a request names, else the société's usual one (R5)."""
    if asked.HasField("taux_tva"):
        return percentage(asked.taux_tva, "taux_tva")
    return ZERO if settings.franchise_tva else NORMAL_RATE


def quantity(value: float) -> Decimal:
    """A quantity with three decimals. Raises QuantiteInvalide."""
    if 0 < value < _MOST_QUANTITE:  # NaN is not between them either
        quantite = Decimal(repr(value)).quantize(_MILLI, ROUND_HALF_UP)
        if 0 < quantite < _MOST_QUANTITE:  # only rounding may have made it so
            return quantite
    raise QuantiteInvalide(champ="quantite")


def _price(value: float) -> Decimal:
    if 0 <= value < PRIX_TROP_ELEVE:  # NaN is not between them either
        prix = Decimal(repr(value)).quantize(_PRICE_STEP, ROUND_HALF_UP)
        if prix < PRIX_TROP_ELEVE:  # only rounding may have made it so
            return prix
    raise MontantInvalide(within("0", "9 999 999 999,9999"), champ="prix_unitaire")


def _written(rates: Iterable[Decimal]) -> list[str]:
    """*rates* as in 20, 5,5 and 0."""
    return [f"{rate.normalize():f}".replace(".", ",") for rate in sorted(rates, reverse=True)]


def check_alone(request: Any) -> None:
    """Refuse in an Update what says how `montant` is meant, without `montant`. Raises ChampRequis."""
    named = any(request.HasField(name) for name in ("taux_tva", "mode_montant", "libelle"))
    if named and not request.HasField("montant"):
        raise ChampRequis(champ="montant")
