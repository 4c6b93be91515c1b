"""The lines of a bordereau before they are rows: what each is about, and what it comes to (R21, R22)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from service_commission.bordereau_models import ACOMPTE, LINEAIRE, REPORT, REPRISE, Bordereau, LigneBordereau
from service_commission.decomptes import Decompte, decompte, total
from service_commission.models import ZERO

# The column that names what a line of a section is about.
SOURCES: Mapping[str, str] = {
    LINEAIRE: "commission_id",
    REPRISE: "reprise_id",
    REPORT: "report_id",
    ACOMPTE: "acompte_id",
}


@dataclass(frozen=True, slots=True)
class Entree:
    """Something that a bordereau may hold, named by *source*; *motif* says why it is deselected, if it is.

    *montant* is above zero: what is due or taken back, of a carry-over or an acompte what is left of it.
    """

    section: str
    source: UUID
    libelle: str
    montant: Decimal
    motif: str | None = None

    @property
    def selectionne(self) -> bool:
        """Whether it counts."""
        return self.motif is None


def account_of(entrees: Sequence[Entree]) -> Decompte:
    """What the selected ones of *entrees* come to."""

    def of(section: str) -> list[Decimal]:
        return [one.montant for one in entrees if one.section == section and one.selectionne]

    return decompte(total(of(LINEAIRE)), total(of(REPRISE)), of(REPORT), of(ACOMPTE))


def amounts_of(entrees: Sequence[Entree], account: Decompte) -> list[Decimal]:
    """The signed amount of each line: of carry-overs and acomptes what is taken of them."""
    taken = {REPORT: iter(account.reports), ACOMPTE: iter(account.acomptes)}
    signed = []
    for one in entrees:
        if one.section not in taken:
            signed.append(one.montant if one.section == LINEAIRE else -one.montant)
        elif one.selectionne:
            signed.append(-next(taken[one.section]) + Decimal(0))
        else:
            signed.append(ZERO)
    return signed


def rows_of(
    bordereau: Bordereau, entrees: Sequence[Entree], montants: Iterable[Decimal]
) -> list[LigneBordereau]:
    """The lines of *bordereau* in their order."""
    return [
        LigneBordereau(
            organisation_id=bordereau.organisation_id,
            bordereau_id=bordereau.id,
            section=one.section,
            libelle=one.libelle,
            montant=montant,
            selectionne=one.selectionne,
            motif_deselection=one.motif,
            ordre=ordre,
            **_about(one),
        )
        for ordre, (one, montant) in enumerate(zip(entrees, montants, strict=True), 1)
    ]


def _about(one: Entree) -> dict[str, Any]:
    return {SOURCES[one.section]: one.source}


def source_of(ligne: LigneBordereau) -> UUID:
    """The id of what *ligne* is about."""
    source: UUID = getattr(ligne, SOURCES[ligne.section])
    return source


def entrees_of(lignes: Iterable[LigneBordereau], restants: Mapping[UUID, Decimal]) -> list[Entree]:
    """*lignes* as they were before; *restants* is what is left of carry-overs and acomptes, else nothing."""
    return [
        Entree(
            ligne.section,
            source_of(ligne),
            ligne.libelle,
            abs(ligne.montant)
            if ligne.section in (LINEAIRE, REPRISE)
            else restants.get(source_of(ligne), ZERO),
            ligne.motif_deselection,
        )
        for ligne in lignes
    ]


def totals(account: Decompte, entrees: Iterable[Entree]) -> dict[str, Any]:
    """The columns of a bordereau that follow from its lines; `nombre_lignes` counts the selected ones."""
    return {
        "total_brut": account.brut,
        "total_reprises": account.reprises,
        "total_reports": account.total_reports,
        "total_acomptes": account.total_acomptes,
        "total_net": account.net,
        "report_genere": account.report_genere,
        "nombre_lignes": sum(one.selectionne for one in entrees),
    }
