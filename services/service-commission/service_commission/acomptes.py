"""AcompteService and ReportNegatifService: what was paid in advance, and what is carried over (R22, R26)."""

from decimal import Decimal
from typing import Final

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import AcompteServiceServicer, ReportNegatifServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import (
    Context,
    at_most,
    content_hash,
    insert_once,
    list_answer,
    money,
    opaque_id,
    page_of,
    required,
    to_message,
    written_amount,
)
from grpc_utils.errors import FailedPrecondition
from service_kit import App, Settings
from sqlalchemy import BindParameter, bindparam, func, or_, select

from service_commission import audit, brouillons, decomptes, periodes
from service_commission.bordereau_models import EN_COURS, Acompte, ReportNegatif
from service_commission.models import EN_ATTENTE, LONGEST_MOTIF, Commission, Reprise

ACOMPTES = Listing(Acompte, sorts=("created_at desc", "periode"), filters=("beneficiaire_id", "statut"))
REPORTS = Listing(ReportNegatif, sorts=("periode_origine desc",), filters=("beneficiaire_id", "statut"))

_beneficiaire: BindParameter[str] = bindparam("beneficiaire_id")
_BRUT: Final = select(func.sum(Commission.montant - Commission.montant_repris)).where(
    Commission.beneficiaire_id == _beneficiaire, Commission.statut == EN_ATTENTE
)
_REPRISES: Final = select(func.sum(Reprise.montant)).where(
    Reprise.beneficiaire_id == _beneficiaire, Reprise.statut == EN_ATTENTE
)
_REPORTS: Final = select(func.sum(ReportNegatif.montant_restant)).where(
    ReportNegatif.beneficiaire_id == _beneficiaire, ReportNegatif.statut == EN_COURS
)
_ACOMPTES: Final = select(func.sum(Acompte.montant_restant)).where(
    Acompte.beneficiaire_id == _beneficiaire,
    Acompte.statut == EN_COURS,
    Acompte.id != bindparam("new"),
)
_RESTANT: Final = select(func.sum(ReportNegatif.montant_restant)).where(
    or_(bindparam("beneficiaire_id") == "", ReportNegatif.beneficiaire_id == bindparam("beneficiaire_id")),
    or_(bindparam("statut") == "", ReportNegatif.statut == bindparam("statut")),
)


class PlafondAcompte(FailedPrecondition):
    """Cet acompte dépasse ce qui peut encore être avancé."""


class AcompteService(AcompteServiceServicer):
    """Acomptes of the beneficiaries of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateAcompteRequest, context: Context) -> pb.Acompte:
        """Pay in advance, at most the half of what is due (R26)."""
        new = _new(request)
        async with self._db.transaction() as tx:
            await brouillons.alone_with(tx, new.organisation_id, new.beneficiaire_id)
            acompte = await insert_once(tx, new)
            if acompte is new:
                await tx.flush()
                plafond = await _plafond(tx, new)
                if new.montant > plafond:
                    raise PlafondAcompte(f"au plus {written_amount(plafond)}", plafond=str(plafond))
                told = {"montant": str(new.montant), "motif": new.motif}
                await audit.note(tx, new, audit.ACOMPTE, "CREATION", told)
        return to_message(acompte, pb.Acompte)

    async def List(self, request: pb.ListAcomptesRequest, context: Context) -> pb.ListAcomptesResponse:
        """List acomptes, the latest first."""
        return list_answer(pb.ListAcomptesResponse, await page_of(ACOMPTES, self._db.read(), request))


class ReportNegatifService(ReportNegatifServiceServicer):
    """Carry-overs of the beneficiaries of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def List(
        self, request: pb.ListReportsNegatifsRequest, context: Context
    ) -> pb.ListReportsNegatifsResponse:
        """List carry-overs, the latest period first, and what is left of all of them (R22)."""
        reader = self._db.read()
        page = await page_of(REPORTS, reader, request)
        named = {"beneficiaire_id": request.beneficiaire_id, "statut": request.statut}
        left = await reader.one(_RESTANT, **named) or 0
        return list_answer(pb.ListReportsNegatifsResponse, page, total_restant=float(left))


def _new(request: pb.CreateAcompteRequest) -> Acompte:
    """The row for *request* (R26). Raises InvalidArgument."""
    beneficiaire_id = opaque_id(request.beneficiaire_id, "beneficiaire_id") or ""
    montant = money(request.montant, "montant", positive=True)
    periode = periodes.read(request.periode, "periode")
    if periode > periodes.current():
        raise periodes.PeriodeInvalide(champ="periode")
    return Acompte(
        organisation_id=request.organisation_id,
        beneficiaire_id=required(beneficiaire_id, "beneficiaire_id"),
        periode=periode,
        montant=montant,
        montant_restant=montant,
        motif=at_most(request.motif, LONGEST_MOTIF, "motif"),
        cle_idempotence=request.cle_idempotence or None,
        contenu_hash=content_hash(request),
    )


async def _plafond(tx: Transaction, acompte: Acompte) -> Decimal:
    of = {"beneficiaire_id": acompte.beneficiaire_id}
    zero = decomptes.total(())
    return decomptes.plafond(
        await tx.one(_BRUT, **of) or zero,
        await tx.one(_REPRISES, **of) or zero,
        await tx.one(_REPORTS, **of) or zero,
        await tx.one(_ACOMPTES, **of, new=acompte.id) or zero,
    )
