"""Attribution: what a receipt is worth with what is there already, and its rows (R5, R11, R12, R30).

`etat_of` reads, `calcul` is pure, `write` inserts; a simulation does the first two alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from db_utils import Reader, Transaction
from sqlalchemy import ColumnElement, bindparam, func, select

from service_commission import audit, montants, periodes, primes, references
from service_commission.baremes import Bareme, from_snapshot, snapshot_of
from service_commission.dossiers import Dossier
from service_commission.models import (
    AGENCE,
    ANNULEE,
    COMMERCIAL,
    ENTREPRISE,
    INITIALE,
    MANAGER,
    PRIME,
    RECURRENCE,
    ZERO,
    Commission,
)
from service_commission.montants import Initiale, Mesures, Montant
from service_commission.primes import Prime, Versee

Colonnes = dict[str, Any]  # of a row, all but its reference

# An INITIALE counts unless it was annulled or wholly taken back (R5, R15).
_ALIVE: Any = (
    Commission.type == INITIALE,
    Commission.statut != ANNULEE,
    Commission.montant_repris < Commission.montant,
)
_INITIALE = (
    select(Commission.periode, Commission.bareme_snapshot)
    .where(Commission.contrat_id == bindparam("contrat_id"), *_ALIVE)
    .order_by(Commission.periode, Commission.id)
    .limit(1)
)
_VERSEES = select(Commission.palier_code, Commission.periode, Commission.montant).where(
    Commission.type == PRIME,
    Commission.beneficiaire_id == bindparam("beneficiaire_id"),
    Commission.bareme_code == bindparam("code"),
)


def _mesures(*criteria: ColumnElement[bool]) -> Any:
    """By kind of product: contracts and turnover of the period, then those of ever."""
    cette = Commission.periode == bindparam("periode")
    contrats, ca = func.count(Commission.contrat_id.distinct()), func.sum(Commission.base_ht)
    return (
        select(
            func.coalesce(Commission.type_produit, ""),
            contrats.filter(cette),
            func.coalesce(ca.filter(cette), ZERO),
            contrats,
            ca,
        )
        .where(*criteria, *_ALIVE)
        .group_by(Commission.type_produit)
    )


_OF_APPORTEUR = _mesures(
    Commission.role == COMMERCIAL, Commission.beneficiaire_id == bindparam("beneficiaire_id")
)
_OF_TEAM = _mesures(Commission.manager_id == bindparam("beneficiaire_id"))


@dataclass(frozen=True, slots=True)
class Compte:
    """What a beneficiary has: measures of the period and of ever, primes of one scale."""

    periode: Mesures = field(default_factory=Mesures)
    toujours: Mesures = field(default_factory=Mesures)
    versees: Sequence[Versee] = ()

    def plus(self, dossier: Dossier, base: Decimal) -> "Compte":
        """The same with the contract of *dossier*."""
        kind = dossier.type_produit
        return Compte(self.periode.plus(kind, base), self.toujours.plus(kind, base), self.versees)


@dataclass(frozen=True, slots=True)
class Etat:
    """What is there before a receipt: the INITIALE of its contract, accounts of apporteur and manager."""

    initiale: Initiale | None = None
    apporteur: Compte = field(default_factory=Compte)
    equipe: Compte = field(default_factory=Compte)


@dataclass(frozen=True, slots=True)
class Calcul:
    """What a receipt is worth: the rows to write, or the *raison* for which there is none, and figures."""

    commissions: Sequence[Colonnes]
    primes: Sequence[Colonnes]
    detail: dict[str, Any]
    raison: str = ""


async def etat_of(reader: Reader, dossier: Dossier) -> Etat:
    """What is there before the receipt of *dossier*."""
    found = await reader.one(_INITIALE, contrat_id=dossier.recu.contrat_id)
    if found is not None:  # primes and tiers are about an INITIALE alone
        return Etat(Initiale(found[0], from_snapshot(found[1]).precomptee))
    periode = periodes.periode_of(dossier.recu.jour)
    apporteur = await _compte(reader, _OF_APPORTEUR, dossier.apporteur_id, dossier.bareme.code, periode)
    if dossier.equipe is None or dossier.manager_id is None:
        return Etat(None, apporteur)
    equipe = await _compte(reader, _OF_TEAM, dossier.manager_id, dossier.equipe.code, periode)
    return Etat(None, apporteur, equipe)


def calcul(dossier: Dossier, etat: Etat) -> Calcul:
    """What the receipt of *dossier* is worth."""
    recu, bareme = dossier.recu, dossier.bareme
    periode = periodes.periode_of(recu.jour)
    if etat.initiale is None:
        kind, mois = INITIALE, None
        raison = ""
    else:
        kind, mois = RECURRENCE, montants.numero_mois(etat.initiale.periode, periode)
        raison = _no_recurrence(dossier, etat.initiale, mois)
    base = _base(dossier, kind)
    compte = etat.apporteur.plus(dossier, base) if kind == INITIALE else etat.apporteur
    montant = montants.of_type(kind, bareme, base, compte.periode, compte.toujours)
    told = _detail(dossier, kind, mois, base, montant)
    if not raison and not montant.montant:
        raison = "MONTANT_NUL"
    if raison:
        return Calcul((), (), {**told, "raison": raison}, raison)
    rows = _rows(dossier, kind, mois, base, montant, told)
    due = _primes(dossier, etat, compte, base, periode) if kind == INITIALE else []
    return Calcul(rows, due, told)


async def write(tx: Transaction, calculated: Calcul, acteur: str) -> list[Commission]:
    """Insert the rows of *calculated* with their references, and note each of them (R30)."""
    new = [*calculated.commissions, *calculated.primes]
    if not new:
        return []
    organisation_id, periode = new[0]["organisation_id"], new[0]["periode"]
    names = await references.next_commissions(tx, organisation_id, periode, len(new))
    rows = [Commission(**columns, reference=name) for columns, name in zip(new, names, strict=True)]
    for row in rows:
        await tx.insert(row)
        await audit.note(tx, row, audit.COMMISSION, "CALCUL", row.detail, acteur=acteur)
    return rows


async def _compte(reader: Reader, mesures: Any, beneficiaire_id: str, code: str, periode: str) -> Compte:
    of_periode, ever = Mesures(), Mesures()
    for kind, *figures in await reader.all(mesures, beneficiaire_id=beneficiaire_id, periode=periode):
        of_periode.contrats[kind], of_periode.ca[kind], ever.contrats[kind], ever.ca[kind] = figures
    versees = await reader.all(_VERSEES, beneficiaire_id=beneficiaire_id, code=code)
    return Compte(of_periode, ever, [Versee(code or "", month, paid) for code, month, paid in versees])


def _no_recurrence(dossier: Dossier, initiale: Initiale, mois: int) -> str:
    """Why a later receipt is worth nothing; "" when it is worth something."""
    if montants.after_resiliation(dossier.statut, dossier.date_resiliation, dossier.echeance):
        return "APRES_RESILIATION"
    return "" if montants.recurrence_due(dossier.bareme, initiale, mois) else "SANS_RECURRENCE"


def _base(dossier: Dossier, kind: str) -> Decimal:
    recu = dossier.recu
    if kind == INITIALE and dossier.bareme.precomptee:
        return montants.base_precomptee(
            dossier.ht, dossier.montant_contrat, dossier.echeances, dossier.frequence
        )
    return recu.base_ht if recu.base_ht is not None else dossier.ht.base(recu.montant or ZERO)


def _rows(
    dossier: Dossier, kind: str, mois: int | None, base: Decimal, montant: Montant, told: dict[str, Any]
) -> list[Colonnes]:
    beneficiaires = {COMMERCIAL: dossier.apporteur_id, MANAGER: dossier.manager_id}
    shared = montants.parts(dossier.bareme, montant.montant, manager=dossier.manager_id is not None)
    return [
        _row(
            dossier,
            dossier.bareme,
            type=kind,
            role=role,
            beneficiaire_id=None if role in (AGENCE, ENTREPRISE) else beneficiaires[role],
            manager_id=dossier.manager_id,
            contrat_id=dossier.recu.contrat_id,
            client_id=dossier.recu.client_id,
            produit_id=dossier.produit_id,
            type_produit=dossier.type_produit or None,
            payment_id=dossier.recu.payment_id,
            facture_id=dossier.recu.facture_id,
            montant_encaisse=dossier.recu.montant,
            base_ht=base,
            taux=montant.taux,
            montant=part,
            numero_mois=mois,
            palier_code=montant.palier.code if montant.palier else None,
            detail={**told, "part": str(part)},
        )
        for role, part in shared.items()
    ]


def _primes(dossier: Dossier, etat: Etat, compte: Compte, base: Decimal, periode: str) -> list[Colonnes]:
    due = primes.dues(dossier.bareme, compte.periode, compte.toujours, compte.versees, periode)
    rows = [_prime(dossier, dossier.bareme, one, COMMERCIAL, dossier.apporteur_id) for one in due]
    if dossier.equipe is not None:
        team, equipe = etat.equipe.plus(dossier, base), primes.of_team(dossier.equipe)
        due = primes.dues(equipe, team.periode, team.toujours, team.versees, periode)
        rows += [_prime(dossier, dossier.equipe, one, MANAGER, dossier.manager_id) for one in due]
    return rows


def _prime(
    dossier: Dossier, bareme: Bareme, prime: Prime, role: str, beneficiaire_id: str | None
) -> Colonnes:
    """A row of PRIME; it is about the period, so that contract and payment stand in its detail alone."""
    return _row(
        dossier,
        bareme,
        type=PRIME,
        role=role,
        beneficiaire_id=beneficiaire_id,
        manager_id=dossier.manager_id if role == COMMERCIAL else None,
        type_produit=prime.palier.type_produit or None,
        base_ht=ZERO,
        montant=prime.montant,
        palier_code=prime.palier.code,
        detail={
            "mesure": str(prime.mesure),
            "seuil_min": str(prime.palier.seuil_min),
            "montant_prime": str(prime.palier.montant_prime),
            "montant": str(prime.montant),
            "bareme": bareme.code,
            "bareme_version": bareme.version,
            "contrat_id": dossier.recu.contrat_id,
            "payment_id": dossier.recu.payment_id,
        },
    )


def _row(dossier: Dossier, bareme: Bareme, **columns: Any) -> Colonnes:
    return {
        "organisation_id": dossier.recu.organisation_id,
        "societe_id": dossier.recu.societe_id,
        "periode": periodes.periode_of(dossier.recu.jour),
        "date_encaissement": dossier.recu.jour,
        "bareme_code": bareme.code,
        "bareme_version": bareme.version,
        "bareme_snapshot": snapshot_of(bareme),
        **columns,
    }


def _detail(dossier: Dossier, kind: str, mois: int | None, base: Decimal, montant: Montant) -> dict[str, Any]:
    """The figures of a computation (R30)."""
    recu, bareme = dossier.recu, dossier.bareme
    return {
        "type": kind,
        "numero_mois": mois,
        "montant_encaisse": None if recu.montant is None else str(recu.montant),
        "ratio_ht": [str(dossier.ht.ht), str(dossier.ht.ttc)],
        "base_ht": str(base),
        "type_calcul": bareme.type_calcul,
        "taux": None if montant.taux is None else str(montant.taux),
        "palier": montant.palier.code if montant.palier else None,
        "mesure": None if montant.mesure is None else str(montant.mesure),
        "montant": str(montant.montant),
        "bareme": bareme.code,
        "bareme_version": bareme.version,
    }
