"""Avoirs: the credit notes of issued invoices (R21, R22). What they come to is in `avoirs_rules.py`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.factures import factures_pb2 as pb
from db_utils import Database, Transaction, clock, parse_uuid, uuid7
from grpc_utils import at_most, content_hash, entry, found, money, required
from grpc_utils.errors import FailedPrecondition, InvalidArgument
from sqlalchemy import select

from service_factures import (
    audit,
    avoirs_rules,
    encaissements,
    lecture,
    rules,
    saisies,
    soldes,
    suites,
    traitements,
)
from service_factures.avoirs_rules import Avoir, Credit, RienACrediter
from service_factures.brouillons import ligne_of
from service_factures.cles import made_before, made_meanwhile
from service_factures.ecriture import write_contenu
from service_factures.models import (
    AVOIR,
    EMISE,
    FACTURE,
    PARTIELLEMENT_PAYEE,
    PAYEE,
    ZERO,
    Facture,
    LigneFacture,
)
from service_factures.numerotation import next_number
from service_factures.societes import settings_of
from service_factures.totaux import Totaux

_CREDITED_LIGNES = select(LigneFacture).where(
    LigneFacture.facture_id.in_(lecture.AVOIR_IDS), LigneFacture.ligne_origine_id.is_not(None)
)
_CREDITABLE = (EMISE, PARTIELLEMENT_PAYEE, PAYEE)
PARTIES: Final = (
    "vendeur_snapshot",
    "client_snapshot",
    "identite_statut",
    "avertissements",
    "taux_penalites",
    "indemnite_recouvrement",
)
"""What is known of the parties of an invoice, and follows from them."""

# What an avoir takes from the invoice that it credits.
_TAKEN = (
    "organisation_id",
    "societe_id",
    "client_id",
    "contrat_id",
    "date_prestation",
    "conditions_paiement",
    "mode_paiement",
    "nature_operation",
    "livraison",
    "reference_commande",
    "motif_exoneration",
    "mention_exoneration",
    "vatex",
    *PARTIES,
)
_LONGEST_MOTIF = 500
_MILLI = Decimal("0.001")


class AvoirImpossible(FailedPrecondition):
    """Seule une facture émise et non annulée peut être créditée."""


class AvoirAmbigu(InvalidArgument):
    """Un avoir est donné par montant ou par lignes, pas par les deux."""


async def create(database: Database, request: pb.CreateCreditNoteRequest) -> pb.Facture:
    """Credit an invoice under a number of the avoirs' own series (R21)."""
    at_most(required(request.motif, "motif"), _LONGEST_MOTIF, "motif")
    if request.HasField("montant") and request.lignes:
        raise AvoirAmbigu(champ="montant")
    reader = database.read()
    if (made := await made_before(reader, AVOIR, request.idempotency_key, request)) is not None:
        return await lecture.whole(reader, made)
    async with database.transaction() as tx:
        # The lock of the invoice is the one under which a key is at work, too.
        origine = found(await tx.get(Facture, request.id, lock=True))
        key = request.idempotency_key
        made = await made_meanwhile(tx, AVOIR, key, request, origine.organisation_id)
        if made is not None:
            return await lecture.whole(tx, made)
        return await _create(tx, origine, request)


async def _create(tx: Transaction, origine: Facture, request: pb.CreateCreditNoteRequest) -> pb.Facture:
    if origine.type != FACTURE or origine.statut not in _CREDITABLE:
        raise AvoirImpossible(statut=origine.statut)
    avoir = await _wanted(tx, origine, request)
    if not avoir.totaux.ttc:
        raise RienACrediter
    settings = await settings_of(tx, origine.organisation_id, origine.societe_id)
    number = await next_number(tx, settings, AVOIR)
    told = traitements.of_avoir(origine, settings, number["date_emission"])
    facture = await tx.insert(_row(origine, avoir.totaux, request, {**number, **told}))
    contenu = await write_contenu(tx, facture, avoir.totaux, facture.motif_exoneration, avoir.origines)
    former = audit.state(origine)
    credited = origine.montant_avoirs + facture.montant_ttc
    await tx.update(origine, **soldes.settled(origine, avoirs=credited))
    await encaissements.credited(tx, origine, number["date_emission"])
    await audit.note(tx, facture, audit.CREATION)
    await suites.owe(tx, facture)
    await audit.note(tx, origine, audit.AVOIR, avant=former, avoir=facture.numero)
    return lecture.message(facture, contenu)


def _row(
    origine: Facture, totaux: Totaux, request: pb.CreateCreditNoteRequest, settled: Mapping[str, Any]
) -> Facture:
    return Facture(
        **{name: getattr(origine, name) for name in _TAKEN},
        **settled,
        **(rules.amounts(totaux) | {"solde": ZERO}),
        id=uuid7(),
        type=AVOIR,
        statut=EMISE,
        emise_at=clock.now(),
        date_echeance=settled["date_emission"],
        facture_origine_id=origine.id,
        motif_avoir=request.motif,
        idempotency_key=request.idempotency_key or None,
        contenu_hash=content_hash(request),
    )


async def _wanted(tx: Transaction, origine: Facture, request: pb.CreateCreditNoteRequest) -> Avoir:
    """What *request* wants to credit, within what is still creditable."""
    contenu = await lecture.contenu_of(tx, origine)
    earlier = lecture.parts_of(await tx.all(lecture.CREDITED_TVA, facture_id=origine.id))
    rest = avoirs_rules.restes(contenu.parts, earlier)
    libelle = f"Avoir sur facture {origine.numero}"
    if request.lignes:
        credited = await tx.all(_CREDITED_LIGNES, facture_id=origine.id)
        credits, exhausted = _credits(request.lignes, contenu.lignes, credited)
        return avoirs_rules.of_lignes(credits, rest, exhausted)
    if request.HasField("montant"):
        return avoirs_rules.of_montant(libelle, money(request.montant, "montant", positive=True), rest)
    if not contenu.avoirs:
        lignes = tuple(map(ligne_of, contenu.lignes))
        return Avoir(Totaux(lignes, tuple(contenu.parts)), tuple(one.id for one in contenu.lignes))
    return avoirs_rules.of_rest(libelle, rest)


def _credits(
    asked: Sequence[pb.LigneAvoirInput], lignes: Sequence[LigneFacture], credited: Sequence[LigneFacture]
) -> tuple[list[Credit], dict[Decimal, bool]]:
    """The lines that are credited, and whether all lines of a rate are then credited whole."""
    left: dict[UUID, Decimal] = {ligne.id: ligne.quantite for ligne in lignes}
    deja: dict[UUID, Decimal] = dict.fromkeys(left, ZERO)
    for one in credited:
        assert one.ligne_origine_id is not None  # the statement says so
        left[one.ligne_origine_id] -= one.quantite
        deja[one.ligne_origine_id] += one.montant_ht
    by_id = {ligne.id: ligne for ligne in lignes}
    credits: list[Credit] = []
    for rang, wanted in enumerate(asked):
        ligne = by_id.get(parse_uuid(wanted.ligne_id) or UUID(int=0))
        with entry("lignes", rang):
            if ligne is None:
                raise avoirs_rules.LigneInconnue(champ="ligne_id")
            quantite = saisies.quantity(wanted.quantite)
        credit = Credit(ligne.id, ligne_of(ligne), quantite, left[ligne.id], deja[ligne.id])
        credits.append(credit)
        left[ligne.id] -= quantite
        deja[ligne.id] += credit.montant_ht
    rates = {ligne.taux_tva for ligne in lignes}
    return credits, {
        rate: not any(left[ligne.id] for ligne in lignes if ligne.taux_tva == rate) for rate in rates
    }
