"""Volumes of debits by day, against what a société or the organisation expects at most (R21). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from service_calendar.models import VolumeThreshold

LOW, MEDIUM, HIGH, CRITICAL = "LOW", "MEDIUM", "HIGH", "CRITICAL"
NIVEAUX: Final = (LOW, MEDIUM, HIGH, CRITICAL)

_LOW_BELOW, _MEDIUM_BELOW = 50, 80  # percent of the threshold
# Without a threshold debits are counted.
_FEW, _MANY = 50, 200


@dataclass(frozen=True, slots=True)
class Volume:
    """Debits of a day that are not cancelled, and their sum."""

    nombre: int = 0
    montant: Decimal = Decimal(0)


def threshold_for(societe_id: str, thresholds: Iterable[VolumeThreshold]) -> VolumeThreshold | None:
    """The active threshold of a société, else that of the organisation; None when neither says anything."""
    active = {one.societe_id: one for one in thresholds if one.actif}
    found = active.get(societe_id) or active.get("")
    return found if found is not None and (found.max_nombre or found.max_montant) else None


def level(volume: Volume, threshold: VolumeThreshold | None) -> str:
    """How near *volume* is to *threshold*; of count and amount the worse one counts (R21)."""
    if threshold is None:
        return LOW if volume.nombre < _FEW else MEDIUM if volume.nombre < _MANY else HIGH
    limits = ((Decimal(volume.nombre), threshold.max_nombre), (volume.montant, threshold.max_montant))
    reached = [_level(value, Decimal(most)) for value, most in limits if most is not None]
    return max(reached, key=NIVEAUX.index)


def _level(value: Decimal, most: Decimal) -> str:
    percent = value * 100
    if percent < _LOW_BELOW * most:
        return LOW
    if percent < _MEDIUM_BELOW * most:
        return MEDIUM
    return HIGH if value <= most else CRITICAL
