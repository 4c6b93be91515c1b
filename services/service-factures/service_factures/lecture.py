"""Invoices as messages: with their lines, VAT by rate, règlements and avoirs, or alone in lists."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crm.factures import factures_pb2 as pb
from db_utils import Reader, Scope, clock, within
from google.protobuf.struct_pb2 import Struct
from grpc_utils import to_message
from sqlalchemy import and_, bindparam, or_, select

from service_factures import exonerations
from service_factures.encaissement_models import EncaissementTva
from service_factures.models import EMISE, PARTIELLEMENT_PAYEE, Facture, FactureTva, LigneFacture, Reglement
from service_factures.totaux import Part, Totaux

LIGNES = (
    select(LigneFacture)
    .where(LigneFacture.facture_id == bindparam("facture_id"))
    .order_by(LigneFacture.ordre)
)
TVA = (
    select(FactureTva)
    .where(FactureTva.facture_id == bindparam("facture_id"))
    .order_by(FactureTva.taux.desc())
)
REGLEMENTS = (
    select(Reglement)
    .where(Reglement.facture_id == bindparam("facture_id"))
    .order_by(Reglement.created_at, Reglement.id)
)
AVOIRS = (
    select(Facture)
    .where(Facture.facture_origine_id == bindparam("facture_id"))
    .order_by(Facture.created_at, Facture.id)
)
ENCAISSEMENTS = (
    select(EncaissementTva)
    .where(EncaissementTva.facture_id == bindparam("facture_id"))
    .order_by(EncaissementTva.id)
)
AVOIR_IDS = select(Facture.id).where(Facture.facture_origine_id == bindparam("facture_id"))
CREDITED_TVA = select(FactureTva).where(FactureTva.facture_id.in_(AVOIR_IDS))
"""What the avoirs of an invoice have credited by rate."""


@dataclass(frozen=True, slots=True)
class Contenu:
    """What belongs to an invoice."""

    lignes: Sequence[LigneFacture]
    tva: Sequence[FactureTva]
    reglements: Sequence[Reglement] = ()
    avoirs: Sequence[Facture] = ()

    @property
    def parts(self) -> list[Part]:
        """What the invoice comes to at each rate."""
        return parts_of(self.tva)


def parts_of(rows: Iterable[FactureTva]) -> list[Part]:
    """*rows* as values."""
    return [Part(one.taux, one.base_ht, one.montant_tva) for one in rows]


async def contenu_of(reader: Reader, facture: Facture) -> Contenu:
    """What belongs to *facture*."""
    statements = (LIGNES, TVA, REGLEMENTS, AVOIRS)
    # A service may read an invoice by its id without naming its organisation (C6).
    with within(Scope(facture.organisation_id)):
        rows: list[Any] = await asyncio.gather(
            *(reader.all(one, facture_id=facture.id) for one in statements)
        )
    return Contenu(*rows)


async def whole(reader: Reader, facture: Facture) -> pb.Facture:
    """*facture* with all that belongs to it, as a message."""
    return message(facture, await contenu_of(reader, facture))


def message(facture: Facture, contenu: Contenu) -> pb.Facture:
    """*facture* with its *contenu*, as a message."""
    return _message(
        facture,
        lignes=[to_message(one, pb.LigneFacture) for one in contenu.lignes],
        ventilation_tva=[to_message(one, pb.VentilationTva) for one in contenu.tva],
        reglements=[to_message(one, pb.Reglement) for one in contenu.reglements],
        avoirs=[to_message(one, pb.AvoirResume) for one in contenu.avoirs],
    )


def messages(factures: Iterable[Facture]) -> list[pb.Facture]:
    """*factures* alone, as messages."""
    return [_message(facture) for facture in factures]


def totals(priced: Totaux) -> pb.CalculateTotalsResponse:
    """Totals of lines that belong to no invoice."""
    return pb.CalculateTotalsResponse(
        montant_ht=float(priced.ht),
        montant_tva=float(priced.tva),
        montant_ttc=float(priced.ttc),
        montants_ht=[float(ligne.montant_ht) for ligne in priced.lignes],
        ventilation_tva=[
            pb.VentilationTva(
                taux=float(part.taux),
                categorie=exonerations.categorie(part.taux, None),
                base_ht=float(part.base_ht),
                montant_tva=float(part.montant_tva),
            )
            for part in priced.parts
        ],
    )


def _message(facture: Facture, **extra: object) -> pb.Facture:
    livraison = pb.Adresse(**facture.livraison) if facture.livraison is not None else None
    return to_message(
        facture,
        pb.Facture,
        adresse_livraison=livraison,
        en_retard=en_retard(facture),
        vendeur=_struct(facture.vendeur_snapshot),
        acheteur=_struct(facture.client_snapshot),
        **extra,
    )


def _struct(content: dict[str, Any] | None) -> Struct | None:
    if content is None:
        return None
    struct = Struct()
    struct.update(content)
    return struct


EN_RETARD = and_(
    Facture.solde > 0,
    or_(Facture.statut == EMISE, Facture.statut == PARTIELLEMENT_PAYEE),
    Facture.date_echeance < bindparam("today", type_=Facture.date_echeance.type),
)
"""What `en_retard` tells, as a criterion."""


def en_retard(facture: Facture) -> bool:
    """Whether something is owed past the due date (R17)."""
    return bool(
        facture.solde
        and facture.statut in (EMISE, PARTIELLEMENT_PAYEE)
        and facture.date_echeance is not None
        and facture.date_echeance < clock.today()
    )
