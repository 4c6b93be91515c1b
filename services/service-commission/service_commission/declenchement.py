"""Declencher: commissions are taken back, once for each key (R16–R19).

What is taken, and from whom, is in `reprises_rules.py`; how a row is hit, in `retenues.py`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm.commission import commission_pb2 as pb
from db_utils import Reader, Transaction, parse_uuid, uuid7
from grpc_utils import (
    at_most,
    caller,
    civil_date,
    content_hash,
    money,
    one_of,
    opaque_id,
    required,
    to_message,
)
from grpc_utils.errors import (
    CleIdempotenceReutilisee,
    FailedPrecondition,
    Introuvable,
    InvalidArgument,
)
from service_kit import App
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from service_commission import encaissements, reprises_rules, retenues
from service_commission.baremes import from_snapshot
from service_commission.models import (
    ANNULATION,
    ANNULEE,
    IMPAYE,
    INITIALE,
    LONGEST_MOTIF,
    RECURRENCE,
    REPRISES,
    RESILIATION,
    Commission,
    CommissionAudit,
    DemandeReprise,
    Reprise,
)
from service_commission.reprises_rules import Part

_LONGEST_KEY: Final = 255
_TARGETS: Final = ("commission_id", "payment_id", "contrat_id")


class CibleInvalide(InvalidArgument):
    """Indiquez exactement une commission, un paiement ou, pour une résiliation, un contrat."""


class FenetreExpiree(FailedPrecondition):
    """La période pendant laquelle cette commission peut être reprise est écoulée."""


class CommissionNonReprenable(FailedPrecondition):
    """Seules les commissions initiales et récurrentes sont reprises ; pour une résiliation, les initiales."""


@dataclass(frozen=True, slots=True)
class Demande:
    """A demand to take back what *champ* = *cible* names; *montant* is what was refunded."""

    organisation_id: str
    type: str
    date_evenement: date
    champ: str
    cible: str
    cle: str
    empreinte: bytes
    montant: Decimal = Decimal(0)
    motif: str = ""

    @property
    def types(self) -> tuple[str, ...]:
        """The types of commissions that the demand is about."""
        return (INITIALE,) if self.type == RESILIATION else (INITIALE, RECURRENCE)


@dataclass(frozen=True, slots=True)
class Resultat:
    """What a demand has done: the reprises that it made, and the commissions that it hit themselves."""

    reprises: list[Reprise]
    commissions: list[Commission]

    @property
    def stored(self) -> dict[str, list[str]]:
        """The ids, as the demand keeps them."""
        return {
            "reprises": [str(one.id) for one in self.reprises],
            "commissions": [str(one.id) for one in self.commissions],
        }


# Locked in the order of their ids, as Valider does.
def _targets(column: Any) -> Any:
    return (
        select(Commission)
        .where(column == bindparam("cible"), Commission.type == any_(bindparam("types", type_=ARRAY(String))))
        .order_by(Commission.id)
        .with_for_update()
    )


_ROWS: Final = {name: _targets(getattr(Commission, name)) for name in ("payment_id", "contrat_id")}
_COMMISSION: Final = select(Commission).where(Commission.id == bindparam("cible")).with_for_update()
_HANDLED: Final = select(CommissionAudit.id).where(
    CommissionAudit.scope == "PAIEMENT", CommissionAudit.ref_id == bindparam("payment_id")
)
_ids: Any = any_(bindparam("ids", type_=ARRAY(UUID(as_uuid=True))))
_REPRISES_BY_ID: Final = select(Reprise).where(Reprise.id == _ids).order_by(Reprise.id)
_COMMISSIONS_BY_ID: Final = select(Commission).where(Commission.id == _ids).order_by(Commission.id)
_REPRISES_OF: Final = (
    select(Reprise)
    .where(Reprise.commission_id == _ids, Reprise.type == bindparam("type"), Reprise.statut != ANNULEE)
    .order_by(Reprise.id)
)


async def declencher(app: App[Any], request: pb.DeclencherRepriseRequest) -> pb.DeclencherRepriseResponse:
    """Take commissions back as *request* asks.

    Raises InvalidArgument, Introuvable, FenetreExpiree, CommissionNonReprenable,
    CleIdempotenceReutilisee.
    """
    demande = _demande(request)
    async with app.database.transaction() as tx:
        resultat = await triggered(tx, demande, caller().author)
    return pb.DeclencherRepriseResponse(
        reprises=[to_message(one, pb.Reprise) for one in resultat.reprises],
        commissions_annulees=[to_message(one, pb.Commission) for one in resultat.commissions],
    )


async def triggered(tx: Transaction, demande: Demande, acteur: str) -> Resultat:
    """Do what *demande* asks, or return what an earlier one of its key has done."""
    await tx.lock("demande", demande.organisation_id, demande.cle)
    known = await tx.get(DemandeReprise, (demande.organisation_id, demande.cle))
    if known is not None:
        if known.empreinte != demande.empreinte:
            raise CleIdempotenceReutilisee
        return await _stored(tx, known.resultat)
    resultat = await _taken(tx, demande, await _rows(tx, demande), acteur)
    await tx.insert(
        DemandeReprise(
            organisation_id=demande.organisation_id,
            cle=demande.cle,
            empreinte=demande.empreinte,
            resultat=resultat.stored,
        )
    )
    return resultat


def _demande(request: pb.DeclencherRepriseRequest) -> Demande:
    kind = one_of(request.type, REPRISES, "type")
    named = [name for name in _TARGETS if getattr(request, name)]
    if len(named) != 1 or (named == ["contrat_id"] and kind != RESILIATION):
        raise CibleInvalide(champ=named[-1] if named else "commission_id")
    (champ,) = named
    refunded = Decimal(0)
    if kind == ANNULATION or request.HasField("montant"):
        refunded = money(request.montant, "montant", positive=True)
    return Demande(
        organisation_id=request.organisation_id,
        type=kind,
        date_evenement=civil_date(required(request.date_evenement, "date_evenement"), "date_evenement"),
        champ=champ,
        cible=opaque_id(getattr(request, champ), champ) or "",
        cle=at_most(request.cle_idempotence, _LONGEST_KEY, "cle_idempotence") or str(uuid7()),
        empreinte=content_hash(request),
        montant=refunded,
        motif=at_most(request.motif, LONGEST_MOTIF, "motif"),
    )


async def _rows(tx: Transaction, demande: Demande) -> list[Commission]:
    """The commissions that *demande* is about, locked; none of a payment that was worth nothing (R1)."""
    if demande.champ == "commission_id":
        identity = parse_uuid(demande.cible)
        row = await tx.one(_COMMISSION, cible=identity) if identity else None
        if row is None:
            raise Introuvable(champ="commission_id")
        if row.type not in demande.types:
            raise CommissionNonReprenable
        return [row]
    if demande.champ == "payment_id":
        await encaissements.alone_with_payment(tx, demande.organisation_id, demande.cible)
    rows: list[Commission] = await tx.all(
        _ROWS[demande.champ], cible=demande.cible, types=list(demande.types)
    )
    if not rows and not (demande.champ == "payment_id" and await _handled(tx, demande.cible)):
        raise Introuvable(champ=demande.champ)
    return rows


async def _handled(tx: Transaction, payment_id: str) -> bool:
    """Whether the receipt of a payment was processed, if only to be ignored."""
    return await tx.one(_HANDLED, payment_id=payment_id) is not None


async def _taken(tx: Transaction, demande: Demande, rows: list[Commission], acteur: str) -> Resultat:
    """Take back what is due of *rows*; what was taken before is answered when nothing is left to take."""
    open_rows = [row for row in rows if retenues.left_of(row)]
    if demande.type == RESILIATION:
        within = [row for row in open_rows if _within(demande, row)]
        if open_rows and not within:
            raise FenetreExpiree
        open_rows = within
    resultat = Resultat([], [])
    for row in open_rows:
        part = _part(demande, row)
        montant = reprises_rules.still_due(part, row.montant, row.montant_repris)
        if montant:
            await _take(tx, demande, row, part, montant, resultat, acteur)
    if not open_rows:
        return await _before(tx, demande, rows)
    return resultat


async def _take(
    tx: Transaction,
    demande: Demande,
    row: Commission,
    part: Part,
    montant: Decimal,
    resultat: Resultat,
    acteur: str,
) -> None:
    reprise = await retenues.take_back(
        tx,
        row,
        type=demande.type,
        montant=montant,
        taux=part.taux,
        date_evenement=demande.date_evenement,
        motif=demande.motif,
        cle=demande.cle,
        mois_ecoules=part.mois_ecoules,
        acteur=acteur,
    )
    if reprise is None:
        resultat.commissions.append(row)
    else:
        resultat.reprises.append(reprise)


def _within(demande: Demande, row: Commission) -> bool:
    bareme = from_snapshot(row.bareme_snapshot)
    return reprises_rules.window_open(bareme, row.date_encaissement, demande.date_evenement)


def _part(demande: Demande, row: Commission) -> Part:
    if demande.type == IMPAYE:
        return reprises_rules.impaye(row.montant)
    if demande.type == ANNULATION:
        return reprises_rules.annulation(row.montant, demande.montant, row.montant_encaisse)
    bareme = from_snapshot(row.bareme_snapshot)
    return reprises_rules.resiliation(bareme, row.montant, row.date_encaissement, demande.date_evenement)


async def _before(reader: Reader, demande: Demande, rows: list[Commission]) -> Resultat:
    """What earlier demands of the same type have done to *rows*."""
    reprises = await reader.all(_REPRISES_OF, ids=[row.id for row in rows], type=demande.type)
    return Resultat(reprises, [row for row in rows if row.statut == ANNULEE])


async def _stored(reader: Reader, resultat: dict[str, list[str]]) -> Resultat:
    ids = {kind: [parse_uuid(one) for one in texts] for kind, texts in resultat.items()}
    return Resultat(
        await reader.all(_REPRISES_BY_ID, ids=ids["reprises"]),
        await reader.all(_COMMISSIONS_BY_ID, ids=ids["commissions"]),
    )
