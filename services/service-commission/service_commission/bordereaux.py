"""BordereauService: drafts, their lines, their validation, and what follows it (R21, R24, R25)."""

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import (
    Context,
    at_most,
    civil_date,
    found,
    list_answer,
    one_of,
    opaque_id,
    page_of,
    required,
    to_message,
)
from grpc_utils.errors import FailedPrecondition, InvalidArgument, TransitionInterdite
from service_kit import App, Settings
from sqlalchemy import bindparam, select, update

from service_commission import audit, brouillons, entetes, periodes, validation
from service_commission.bordereau_models import (
    BROUILLON,
    EXPORTE,
    PAYE,
    VALIDE,
    Bordereau,
    BordereauFichiers,
    LigneBordereau,
)
from service_commission.exports import file_name
from service_commission.models import PAYEE, Commission
from service_commission.validation import BordereauDejaValide

BORDEREAUX = Listing(
    Bordereau,
    sorts=("periode desc", "reference"),
    filters=("beneficiaire_id", "periode", "statut", "societe_id"),
)
_OF_PERIOD = select(Bordereau).where(
    Bordereau.beneficiaire_id == bindparam("beneficiaire_id"), Bordereau.periode == bindparam("periode")
)
_PAY = (
    update(Commission)
    .where(Commission.bordereau_id == bindparam("bordereau"))
    .values(statut=PAYEE, version=Commission.version + 1, updated_at=bindparam("now"))
)
_LONGEST_MOTIF, _SHORTEST_MOTIF = 500, 3
_LONGEST_REFERENCE = 100


class PeriodeFuture(FailedPrecondition):
    """Cette période n'a pas encore commencé."""


class MotifRequis(InvalidArgument):
    """Pour écarter une ligne, un motif de 3 caractères au moins est nécessaire."""


class BordereauNonValide(FailedPrecondition):
    """Ce bordereau est un brouillon : validez-le d'abord."""


class BordereauService(BordereauServiceServicer):
    """Bordereaux of the beneficiaries of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app, self._db = app, app.database

    async def Generer(self, request: pb.GenererBordereauRequest, context: Context) -> pb.Bordereau:
        """Build the draft of a beneficiary and period anew from all that is due (R21)."""
        beneficiaire_id = required(
            opaque_id(request.beneficiaire_id, "beneficiaire_id") or "", "beneficiaire_id"
        )
        periode = periodes.read(request.periode, "periode")
        if periode > periodes.current():
            raise PeriodeFuture(champ="periode")
        async with self._db.transaction() as tx:
            await brouillons.alone_with(tx, request.organisation_id, beneficiaire_id)
            bordereau = await tx.one(_OF_PERIOD, beneficiaire_id=beneficiaire_id, periode=periode)
            if bordereau is None:
                bordereau = await _begin(tx, request.organisation_id, beneficiaire_id, periode)
            elif bordereau.statut != BROUILLON:
                raise BordereauDejaValide
            lignes = await brouillons.rebuild(tx, bordereau)
        return _with_lignes(bordereau, lignes)

    async def Get(self, request: pb.GetBordereauRequest, context: Context) -> pb.Bordereau:
        """Read a bordereau with its lines."""
        reader = self._db.read()
        if request.id:
            bordereau = found(await reader.get(Bordereau, request.id))
        else:
            required(request.beneficiaire_id, "beneficiaire_id")
            periode = periodes.read(request.periode, "periode")
            bordereau = found(
                await reader.one(_OF_PERIOD, beneficiaire_id=request.beneficiaire_id, periode=periode)
            )
        return _with_lignes(bordereau, await brouillons.lignes_of(reader, bordereau.id))

    async def List(self, request: pb.ListBordereauxRequest, context: Context) -> pb.ListBordereauxResponse:
        """List bordereaux, the latest period first."""
        if request.periode:
            periodes.read(request.periode, "periode")
        page = await page_of(BORDEREAUX, self._db.read(), request)
        return list_answer(pb.ListBordereauxResponse, page)

    async def SelectionnerLigne(self, request: pb.SelectionnerLigneRequest, context: Context) -> pb.Bordereau:
        """Take a line of a draft in or out (R24)."""
        motif = None if request.selectionne else _motif(request.motif)
        async with self._db.transaction() as tx:
            ligne = found(await tx.get(LigneBordereau, request.ligne_id))
            bordereau = await _alone(tx, ligne.bordereau_id)
            if bordereau.statut != BROUILLON:
                raise BordereauDejaValide
            ligne = found(await tx.get(LigneBordereau, request.ligne_id))  # a new draft may have replaced it
            if ligne.motif_deselection == motif:
                return _with_lignes(bordereau, await brouillons.lignes_of(tx, bordereau.id))
            await tx.update(ligne, selectionne=request.selectionne, motif_deselection=motif)
            lignes = await brouillons.recount(tx, bordereau)
            action = "SELECTION" if request.selectionne else "DESELECTION"
            told = {"ligne": ligne.libelle, "montant": str(ligne.montant), "motif": motif}
            await audit.note(tx, bordereau, audit.BORDEREAU, action, told)
        return _with_lignes(bordereau, lignes)

    async def Valider(self, request: pb.ValiderBordereauRequest, context: Context) -> pb.Bordereau:
        """Freeze a draft as it was read: reference, files, commissions, reprises, imputations (R25)."""
        return _with_lignes(*await validation.valider(self._app, request.id, request.version))

    async def Exporter(
        self, request: pb.ExporterBordereauRequest, context: Context
    ) -> pb.ExporterBordereauResponse:
        """Give a file of a validated bordereau; the first time it becomes EXPORTE (R25)."""
        kind = one_of(request.format, ("PDF", "XLSX"), "format")
        async with self._db.transaction() as tx:
            bordereau = found(await tx.get(Bordereau, request.id, lock=True))
            if bordereau.statut == BROUILLON:
                raise BordereauNonValide
            fichiers = found(await tx.get(BordereauFichiers, bordereau.id))
            if bordereau.statut == VALIDE:
                await tx.update(bordereau, statut=EXPORTE)
                await audit.note(tx, bordereau, audit.BORDEREAU, "EXPORT", {"format": kind})
        societe = await entetes.societe(self._app.peers, bordereau)
        return pb.ExporterBordereauResponse(
            content=fichiers.pdf if kind == "PDF" else fichiers.xlsx,
            file_name=file_name(societe, bordereau.periode, bordereau.reference, kind.lower()),
            sha256=(bordereau.sha256_pdf if kind == "PDF" else bordereau.sha256_xlsx) or "",
        )

    async def MarquerPaye(self, request: pb.MarquerPayeRequest, context: Context) -> pb.Bordereau:
        """Note that a validated bordereau was paid, and its commissions with it (R25)."""
        paid = civil_date(required(request.date_paiement, "date_paiement"), "date_paiement")
        reference = at_most(request.reference, _LONGEST_REFERENCE, "reference") or None
        async with self._db.transaction() as tx:
            bordereau = found(await tx.get(Bordereau, request.id, lock=True))
            if bordereau.statut not in (VALIDE, EXPORTE):
                raise TransitionInterdite(de=bordereau.statut, vers=PAYE)
            avant = {"statut": bordereau.statut}
            await tx.update(bordereau, statut=PAYE, date_paiement=paid, reference_paiement=reference)
            await tx.execute(_PAY, bordereau=bordereau.id, now=bordereau.updated_at)
            told = {"date_paiement": paid.isoformat(), "reference": reference}
            await audit.note(tx, bordereau, audit.BORDEREAU, "PAIEMENT", told, avant=avant)
            lignes = await brouillons.lignes_of(tx, bordereau.id)
        return _with_lignes(bordereau, lignes)


async def _begin(tx: Transaction, organisation_id: str, beneficiaire_id: str, periode: str) -> Bordereau:
    draft = Bordereau(organisation_id=organisation_id, beneficiaire_id=beneficiaire_id, periode=periode)
    await tx.insert(draft)
    await tx.flush()  # its lines refer to it
    await audit.note(tx, draft, audit.BORDEREAU, "GENERATION", {"periode": periode})
    return draft


async def _alone(tx: Transaction, bordereau_id: object) -> Bordereau:
    """The bordereau, read once nobody else changes those of its beneficiary."""
    bordereau = found(await tx.get(Bordereau, str(bordereau_id)))
    await brouillons.alone_with(tx, bordereau.organisation_id, bordereau.beneficiaire_id)
    return found(await tx.get(Bordereau, bordereau.id, lock=True))


def _motif(text: str) -> str:
    if len(text) < _SHORTEST_MOTIF:
        raise MotifRequis(champ="motif")
    return at_most(text, _LONGEST_MOTIF, "motif")


def _with_lignes(bordereau: Bordereau, lignes: list[LigneBordereau]) -> pb.Bordereau:
    return to_message(
        bordereau, pb.Bordereau, lignes=[to_message(ligne, pb.LigneBordereau) for ligne in lignes]
    )
