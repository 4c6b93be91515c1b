"""The debits of a société that a run looks at, with all that decides about them (R14 to R16).

Everything is read before anything is locked: other services are asked while no transaction waits.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.factures.factures_pb2 import GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Reader, parse_uuid
from grpc_utils import answered_or_none
from grpc_utils.errors import Unavailable
from service_kit import App
from sqlalchemy import ARRAY, String, Uuid, any_, bindparam, func, select

from service_payments import emission_rules as rules
from service_payments.bank_ids import needs_address
from service_payments.coffre import Coffre
from service_payments.emission_rules import Blocage, FactureLue, Prelevement
from service_payments.models import PENDING, SEPA_DEBIT, SUBMITTED, Echeancier, Payment
from service_payments.sepa_models import ACTIF, PONCTUEL, Creancier, Mandat

_log = logging.getLogger(__name__)

_SIDE_BY_SIDE: Final = 16  # questions to factures
_ids: Final = bindparam("ids", type_=ARRAY(Uuid))
_texts: Final = bindparam("texts", type_=ARRAY(String))
_of_societe = (
    Payment.organisation_id == bindparam("organisation_id"),
    Payment.societe_id == bindparam("societe_id"),
    Payment.moyen == SEPA_DEBIT,
)
_DUE = (
    select(Payment)
    .where(
        *_of_societe,
        Payment.statut == PENDING,
        Payment.date_prelevement <= bindparam("until", type_=Payment.date_prelevement.type),
    )
    .order_by(Payment.date_prelevement, Payment.id)
)
_SCHEDULES = select(Echeancier).where(Echeancier.id == any_(_ids))
_NAMED = select(Mandat).where(Mandat.id == any_(_ids))
_SIGNED = select(Mandat).where(
    Mandat.organisation_id == bindparam("organisation_id"),
    Mandat.societe_id == bindparam("societe_id"),
    Mandat.statut == ACTIF,
    Mandat.client_id == any_(_texts),
)
_IN_FLIGHT = (
    select(Payment.facture_id, func.sum(Payment.montant))
    .where(
        Payment.organisation_id == bindparam("organisation_id"),
        Payment.statut == SUBMITTED,
        Payment.facture_id == any_(_texts),
    )
    .group_by(Payment.facture_id)
)
_PRESENTED = select(Payment.mandat_id).where(Payment.statut == SUBMITTED, Payment.mandat_id == any_(_ids))


@dataclass(slots=True)
class Tri:
    """What a run found: debits for the bank, those that cannot go, those that are paid for already.

    *attendent* counts what another service could not be asked about; it is left for the next run.
    """

    prets: list[Prelevement] = field(default_factory=list)
    bloques: list[Blocage] = field(default_factory=list)
    regles: list[tuple[Payment, FactureLue]] = field(default_factory=list)
    attendent: int = 0


async def sorted_out(
    app: App[Any], organisation_id: str, societe_id: str, creancier: Creancier | None, earliest: date
) -> Tri:
    """Find the debits that are due on *earliest* or before, and sort them by what becomes of them."""
    reader = app.database.read()
    due: list[Payment] = list(
        await reader.all(_DUE, organisation_id=organisation_id, societe_id=societe_id, until=earliest)
    )
    if creancier is None:
        return Tri(bloques=[Blocage(payment.id, rules.CREANCIER_ABSENT) for payment in due])
    context = await _context(app, reader, organisation_id, societe_id, due)
    tri = Tri()
    for payment in due:
        context.sort(tri, payment, creancier, earliest)
    return tri


async def _context(
    app: App[Any], reader: Reader, organisation_id: str, societe_id: str, due: Sequence[Payment]
) -> "_Context":
    schedules = await _by_id(reader, _SCHEDULES, (payment.schedule_id for payment in due))
    named = (*(payment.mandat_id for payment in due), *(one.mandat_id for one in schedules.values()))
    place = {"organisation_id": organisation_id, "societe_id": societe_id}
    clients = sorted({payment.client_id for payment in due})
    signed = await reader.all(_SIGNED, **place, texts=clients)
    by_id = await _by_id(reader, _NAMED, named)
    once = sorted({mandat.id for mandat in (*by_id.values(), *signed) if mandat.type == PONCTUEL})
    invoices = sorted({payment.facture_id for payment in due if payment.facture_id})
    in_flight = await reader.all(_IN_FLIGHT, organisation_id=organisation_id, texts=invoices)
    return _Context(
        coffre=app.part(Coffre),
        schedules=schedules,
        by_id=by_id,
        by_place={(mandat.client_id, mandat.contrat_id or ""): mandat for mandat in signed},
        factures=await _factures(app, invoices),
        used=set(await reader.all(_PRESENTED, ids=once)) if once else set(),
        in_flight=defaultdict(Decimal, {facture_id or "": total for facture_id, total in in_flight}),
    )


@dataclass(slots=True)
class _Context:
    """What is known around the debits of a run; *in_flight* and *used* grow with those that are chosen.

    *used* are the PONCTUEL mandates under which a debit is on its way already.
    """

    coffre: Coffre
    schedules: Mapping[UUID, Echeancier]
    by_id: Mapping[UUID, Mandat]
    by_place: Mapping[tuple[str, str], Mandat]
    factures: Mapping[str, FactureLue | None]
    used: set[UUID | None]
    in_flight: dict[str, Decimal]

    def sort(self, tri: Tri, payment: Payment, creancier: Creancier, earliest: date) -> None:
        """Put *payment* where it belongs in *tri*."""
        facture = self.factures.get(payment.facture_id) if payment.facture_id else None
        if payment.facture_id and facture is None:
            tri.attendent += 1
        elif facture and facture.reglee:
            tri.regles.append((payment, facture))
        elif isinstance(chosen := self._mandate(payment, facture), str):
            tri.bloques.append(Blocage(payment.id, chosen))
        else:
            self._choose(tri, payment, facture, chosen, creancier, earliest)

    def _mandate(self, payment: Payment, facture: FactureLue | None) -> Mandat | str:
        """Return the mandate of a debit, or the motif for which it stays behind (R15)."""
        schedule = self.schedules.get(payment.schedule_id) if payment.schedule_id else None
        if facture and facture.inconnue and parse_uuid(payment.facture_id or ""):
            return rules.FACTURE_INTROUVABLE  # one of ours that is gone; other ids are not known here (C2)
        mandat = rules.held(schedule) or rules.mandate_for(payment, schedule, self.by_id, self.by_place)
        if isinstance(mandat, str):
            return mandat
        return rules.unwritable(mandat, outside_eea=needs_address(self.coffre.open(mandat))) or mandat

    def _choose(
        self,
        tri: Tri,
        payment: Payment,
        facture: FactureLue | None,
        mandat: Mandat,
        creancier: Creancier,
        earliest: date,
    ) -> None:
        invoice = payment.facture_id or ""
        montant = rules.amount(payment, facture, self.in_flight[invoice])
        if montant <= 0 or mandat.id in self.used:
            return  # all that is owed, or may be debited, is on its way to us: its outcome decides
        if not rules.debitable(montant):
            tri.bloques.append(Blocage(payment.id, rules.MONTANT_INVALIDE))
        else:
            self.in_flight[invoice] += montant
            if mandat.type == PONCTUEL:
                self.used.add(mandat.id)
            sequence = rules.sequence(mandat, creancier.sequence_premier)
            tri.prets.append(
                Prelevement(payment, mandat, montant, earliest, sequence, rules.label(payment, facture))
            )


async def _by_id(reader: Reader, statement: Any, ids: Iterable[UUID | None]) -> dict[UUID, Any]:
    wanted = sorted({one for one in ids if one is not None})
    return {row.id: row for row in await reader.all(statement, ids=wanted)} if wanted else {}


async def _factures(app: App[Any], ids: Sequence[str]) -> dict[str, FactureLue | None]:
    """Ask factures for each invoice; None for those that it could not be asked about."""
    slots, get = asyncio.Semaphore(_SIDE_BY_SIDE), app.peers.stub(InvoiceServiceStub).Get

    async def read(facture_id: str) -> FactureLue | None:
        async with slots:
            try:
                found = await answered_or_none(get(GetFactureRequest(id=facture_id)))
            except Unavailable as error:
                _log.warning("a debit waits for factures: %s", error.reason)
                return None
        if found is None:
            return FactureLue(inconnue=True)
        return FactureLue(found.numero, Decimal(str(found.solde)), found.statut)

    return dict(zip(ids, await asyncio.gather(*map(read, ids)), strict=True))
