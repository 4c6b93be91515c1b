"""Scales as commissions use them: read from commerciaux, kept in each row, read again from there (R3)."""

from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any, Final

from crm.commerciaux.commerciaux_pb2 import Bareme as BaremeMessage
from crm.commerciaux.commerciaux_pb2 import Palier as PalierMessage

FIXE, POURCENTAGE, PALIER, MIXTE = "fixe", "pourcentage", "palier", "mixte"
VOLUME, CA, PRIME_PRODUIT = "volume", "ca", "prime_produit"
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palier:
    """A tier [seuil_min, seuil_max) of a measure, with its bonus rate and its prime."""

    code: str
    type_palier: str
    seuil_min: Decimal
    seuil_max: Decimal | None = None
    montant_prime: Decimal = _ZERO
    taux_bonus: Decimal | None = None
    cumulable: bool = True
    par_periode: bool = True
    type_produit: str = ""

    def holds(self, mesure: Decimal) -> bool:
        """Whether *mesure* lies in the tier (R8)."""
        return self.seuil_min <= mesure and (self.seuil_max is None or mesure < self.seuil_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bareme:
    """A version of a scale; rates are percentages."""

    code: str
    version: int
    type_calcul: str
    profil: str = ""
    montant_fixe: Decimal = _ZERO
    taux: Decimal = _ZERO
    precomptee: bool = False
    recurrence_active: bool = False
    taux_recurrence: Decimal = _ZERO
    duree_recurrence_mois: int = 0
    duree_reprises_mois: int = 0
    taux_reprise: Decimal = Decimal(100)
    manager: Decimal = _ZERO
    agence: Decimal = _ZERO
    entreprise: Decimal = _ZERO
    paliers: tuple[Palier, ...] = ()


def bareme_of(message: BaremeMessage) -> Bareme:
    """The scale that commerciaux answers with."""
    return Bareme(
        code=message.code,
        version=message.version_bareme,
        type_calcul=message.type_calcul,
        profil=message.profil_remuneration,
        montant_fixe=_decimal(message.montant_fixe),
        taux=_decimal(message.taux_pourcentage),
        precomptee=message.precomptee,
        recurrence_active=message.recurrence_active,
        taux_recurrence=_decimal(message.taux_recurrence),
        duree_recurrence_mois=message.duree_recurrence_mois,
        duree_reprises_mois=message.duree_reprises_mois,
        taux_reprise=_decimal(message.taux_reprise),
        manager=_decimal(message.repartition_manager),
        agence=_decimal(message.repartition_agence),
        entreprise=_decimal(message.repartition_entreprise),
        paliers=tuple(map(_palier_of, message.paliers)),
    )


def snapshot_of(bareme: Bareme) -> dict[str, Any]:
    """*bareme* as a row keeps it; amounts and rates are texts, so that no cent is lost."""
    return _plain(asdict(bareme))


def from_snapshot(snapshot: dict[str, Any]) -> Bareme:
    """The scale that `snapshot_of` has written."""
    paliers = tuple(Palier(**_typed(Palier, one)) for one in snapshot["paliers"])
    return Bareme(**{**_typed(Bareme, snapshot), "paliers": paliers})


def _palier_of(message: PalierMessage) -> Palier:
    return Palier(
        code=message.code,
        type_palier=message.type_palier,
        seuil_min=_decimal(message.seuil_min),
        seuil_max=_decimal(message.seuil_max) if message.HasField("seuil_max") else None,
        montant_prime=_decimal(message.montant_prime),
        taux_bonus=_decimal(message.taux_bonus) if message.HasField("taux_bonus") else None,
        cumulable=message.cumulable,
        par_periode=message.par_periode,
        type_produit=message.type_produit,
    )


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        key: str(value) if isinstance(value, Decimal) else value for key, value in values.items()
    }
    if "paliers" in plain:
        plain["paliers"] = [_plain(one) for one in plain["paliers"]]
    return plain


def _typed(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    """*values* with decimals where the fields of *kind* are decimals."""
    decimals = {field.name for field in fields(kind) if "Decimal" in str(field.type)}
    return {
        name: Decimal(value) if name in decimals and value is not None else value
        for name, value in values.items()
    }
