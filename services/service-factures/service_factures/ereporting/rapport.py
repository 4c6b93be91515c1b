"""A period of e-reporting as it stands (R42 to R44): its lines, totals, and the files once it is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crm.factures import factures_pb2 as pb
from db_utils import Reader, clock
from grpc_utils import timestamp
from sqlalchemy import Select, bindparam, case, func, literal_column, select

from service_factures.ereporting import fichiers, periodes
from service_factures.ereporting.fichiers import Reported
from service_factures.ereporting.models import (
    A_DECLARER,
    DECLAREE,
    OUVERTE,
    EReportingLigne,
    EReportingPeriode,
)
from service_factures.ereporting.periodes import NATURES, Periode, PeriodeDUnAutreRegime
from service_factures.models import ZERO, Facture
from service_factures.societes import FactureSettings, settings_of
from service_factures.traitements import B2BINT

_own = (
    EReportingLigne.societe_id == bindparam("societe_id"),
    EReportingLigne.periode == bindparam("periode"),
)
# A constant of the statement: with parameters PostgreSQL would take the groups for other expressions.
_by_invoice = EReportingLigne.traitement == literal_column(f"'{B2BINT}'")
_GROUPED: tuple[Any, ...] = (
    EReportingLigne.nature,
    EReportingLigne.traitement,
    EReportingLigne.jour,
    EReportingLigne.periode_corrigee,
    EReportingLigne.categorie,
    EReportingLigne.taux,
    case((_by_invoice, EReportingLigne.facture_id)),
    case((_by_invoice, Facture.numero)),
)
_LINES: Select[*tuple[Any, ...]] = (
    select(
        *_GROUPED,
        func.sum(EReportingLigne.base_ht),
        func.sum(EReportingLigne.montant_tva),
        func.sum(EReportingLigne.montant_ttc),
        func.count(),
        func.max(EReportingLigne.sequence),
    )
    .join(Facture, Facture.id == EReportingLigne.facture_id)
    .where(*_own)
    .group_by(*_GROUPED)
    .order_by(EReportingLigne.jour, EReportingLigne.nature.desc(), *_GROUPED[1:2], *_GROUPED[3:])
)
_CLOSED = (
    select(EReportingPeriode)
    .where(
        EReportingPeriode.societe_id == bindparam("societe_id"),
        EReportingPeriode.periode == bindparam("periode"),
    )
    .order_by(EReportingPeriode.nature.desc())
)


@dataclass(frozen=True, slots=True)
class Rapport:
    """A period of a société: what is told in it, by the natures that have it, and what of it is closed."""

    settings: FactureSettings
    periode: Periode
    natures: tuple[str, ...]
    lines: Sequence[Reported]
    sequence: int
    closed: Sequence[EReportingPeriode]

    @property
    def open(self) -> tuple[str, ...]:
        """The natures that are not closed."""
        closed = {one.nature for one in self.closed}
        return tuple(nature for nature in self.natures if nature not in closed)

    @property
    def curseur(self) -> str:
        """How far it was read: how many acts it tells, for none of them is ever taken out."""
        return str(sum(line.nombre for line in self.lines))

    @property
    def over(self) -> bool:
        """Whether its last day is past."""
        return self.periode.fin < clock.today()

    @property
    def statut(self) -> str:
        """OUVERTE until its end, A_DECLARER from then on, DECLAREE once all of it is closed."""
        if not self.open:
            return DECLAREE
        return A_DECLARER if self.over else OUVERTE


async def rapport(reader: Reader, organisation_id: str, societe_id: str, periode: Periode) -> Rapport:
    """The report of *periode*. Raises PeriodeDUnAutreRegime for one that the société does not have.

    It has those of its regime, and those in which there are lines of a former one.
    """
    settings = await settings_of(reader, organisation_id, societe_id)
    place = {"societe_id": societe_id, "periode": periode.nom}
    rows = await reader.all(_LINES, **place)
    closed = await reader.all(_CLOSED, **place)
    told = {row[0] for row in rows} | {one.nature for one in closed}
    told |= set(periodes.natures(settings.regime, periode))
    if not told:
        raise PeriodeDUnAutreRegime(periodes.words(settings.regime), champ="periode")
    return Rapport(
        settings,
        periode,
        tuple(nature for nature in NATURES if nature in told),
        [Reported(*row[:-1]) for row in rows],
        max((row[-1] for row in rows), default=0),
        closed,
    )


def message(one: Rapport) -> pb.EReporting:
    """*one* as a message."""
    return pb.EReporting(
        organisation_id=one.settings.organisation_id,
        societe_id=one.settings.societe_id,
        periode=one.periode.nom,
        statut=one.statut,
        a_declarer_avant=periodes.due(one.settings.regime, one.periode).isoformat(),
        curseur=one.curseur,
        lignes=[_ligne(line) for line in one.lines],
        totaux=_totals(one.lines),
        fichiers=[file for closed in one.closed for file in _files(closed)],
        declaree_le=timestamp(max(row.declaree_le for row in one.closed)) if not one.open else None,
    )


def _ligne(line: Reported) -> pb.EReportingLigne:
    return pb.EReportingLigne(
        nature=line.nature,
        traitement=line.traitement,
        jour=line.jour.isoformat(),
        periode_corrigee=line.periode_corrigee or "",
        categorie=line.categorie,
        taux=float(line.taux),
        base_ht=float(line.base_ht),
        montant_tva=float(line.montant_tva),
        montant_ttc=float(line.montant_ttc),
        facture_id=str(line.facture_id or ""),
        numero=line.numero or "",
        nombre=line.nombre,
    )


def _totals(lines: Sequence[Reported]) -> list[pb.EReportingTotal]:
    sums: dict[tuple[str, str, Decimal], list[Decimal]] = {}
    for line in lines:
        own = sums.setdefault((line.nature, line.categorie, line.taux), [ZERO, ZERO, ZERO])
        for place, amount in enumerate((line.base_ht, line.montant_tva, line.montant_ttc)):
            own[place] += amount
    order = sorted(sums, key=lambda key: (NATURES.index(key[0]), key[1], -key[2]))
    return [_total(*key, *sums[key]) for key in order]


def _total(
    nature: str, categorie: str, taux: Decimal, base: Decimal, tva: Decimal, ttc: Decimal
) -> pb.EReportingTotal:
    return pb.EReportingTotal(
        nature=nature,
        categorie=categorie,
        taux=float(taux),
        base_ht=float(base),
        montant_tva=float(tva),
        montant_ttc=float(ttc),
    )


def _files(closed: EReportingPeriode) -> list[pb.EReportingFichier]:
    contents = (closed.fichier_csv, closed.fichier_json)
    return [
        pb.EReportingFichier(
            nature=closed.nature,
            file_name=name,
            mime_type=mime,
            content=content,
            sha256=fichiers.sha256(content),
        )
        for (mime, name), content in zip(
            fichiers.names(closed.nature, closed.periode).items(), contents, strict=True
        )
    ]
