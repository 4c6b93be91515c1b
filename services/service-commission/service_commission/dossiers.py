"""What other services say about a receipt, asked before any transaction (R1–R3, R14).

A receipt that is worth nothing is a refusal here: Calculer answers with it, payment.received notes it.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from crm.commerciaux.commerciaux_pb2 import Apporteur, GetApporteurRequest, GetBaremeApplicableRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub, BaremeCommissionServiceStub
from crm.contrats.contrats_pb2 import Contrat, GetContratRequest, GetContratWithDetailsRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.factures.factures_pb2 import Facture, GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.products.products_pb2 import GetProduitRequest, Produit
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import parse_uuid
from grpc_utils import Peers, answered_or_none, optional_date
from grpc_utils.errors import FailedPrecondition

from service_commission.baremes import Bareme, bareme_of
from service_commission.montants import Ht, ratio

MANAGER_PROFIL: Final = "MANAGER"
_COMMISSIONED: Final = ("SIGNE", "ACTIF", "SUSPENDU", "RESILIE", "EXPIRE")
_USUAL_TVA: Final = Decimal(20)


class SansContrat(FailedPrecondition):
    """Ce paiement n'appartient à aucun contrat connu."""


class ContratNonValide(FailedPrecondition):
    """Ce contrat n'est pas signé, ou il est annulé : rien n'est dû."""


class ContratSansApporteur(FailedPrecondition):
    """Ce contrat n'a pas d'apporteur actif."""


class AucunBareme(FailedPrecondition):
    """Aucun barème ne s'applique à cet encaissement."""


@dataclass(frozen=True, slots=True)
class Recu:
    """Money received, taxes included; *base_ht* instead of it in a computation about such an amount."""

    organisation_id: str
    contrat_id: str
    jour: date
    montant: Decimal | None = None
    base_ht: Decimal | None = None
    payment_id: str | None = None
    client_id: str | None = None
    facture_id: str | None = None
    societe_id: str = ""


@dataclass(frozen=True, slots=True)
class Dossier:
    """A receipt with all that decides what it is worth; *echeance* is the day on which it fell due."""

    recu: Recu
    statut: str
    date_resiliation: date | None
    montant_contrat: Decimal
    echeances: int
    frequence: str
    apporteur_id: str
    manager_id: str | None
    produit_id: str | None
    type_produit: str
    ht: Ht
    echeance: date
    bareme: Bareme
    equipe: Bareme | None


async def dossier_of(peers: Peers, recu: Recu) -> Dossier:
    """The dossier of *recu*.

    Raises SansContrat, ContratNonValide, ContratSansApporteur, AucunBareme, Unavailable.
    """
    contrat = await _contrat(peers, recu.contrat_id)
    if contrat.statut not in _COMMISSIONED:
        raise ContratNonValide
    recu = replace(
        recu,
        client_id=recu.client_id or contrat.client_id or None,
        societe_id=recu.societe_id or contrat.societe_id,
    )
    apporteur, produit_id, facture = await asyncio.gather(
        _apporteur(peers, contrat), _produit_id(peers, contrat), _facture(peers, recu.facture_id)
    )
    produit = await _produit(peers, produit_id)
    type_produit = produit.categorie if produit else ""
    bareme, equipe = await asyncio.gather(
        _bareme(peers, recu, type_produit, apporteur.type_apporteur), _equipe(peers, recu, apporteur)
    )
    tva = Decimal(repr(produit.taux_tva)) if produit else _USUAL_TVA
    return Dossier(
        recu=recu,
        statut=contrat.statut,
        date_resiliation=optional_date(contrat.date_resiliation, "date_resiliation"),
        montant_contrat=Decimal(repr(contrat.montant)),
        echeances=contrat.nombre_echeances,
        frequence=contrat.frequence_facturation,
        apporteur_id=apporteur.id,
        manager_id=apporteur.manager_id or None,
        produit_id=produit_id or None,
        type_produit=type_produit,
        ht=ratio(_amounts(facture), tva),
        echeance=(optional_date(facture.date_echeance, "date_echeance") if facture else None) or recu.jour,
        bareme=bareme,
        equipe=equipe,
    )


async def _contrat(peers: Peers, contrat_id: str) -> Contrat:
    contrats = peers.stub(ContratServiceStub)
    contrat = await answered_or_none(contrats.Get(GetContratRequest(id=contrat_id))) if contrat_id else None
    if contrat is None:
        raise SansContrat(champ="contrat_id")
    return contrat


async def _apporteur(peers: Peers, contrat: Contrat) -> Apporteur:
    if not contrat.commercial_id:
        raise ContratSansApporteur
    apporteurs = peers.stub(ApporteurServiceStub)
    apporteur = await answered_or_none(apporteurs.Get(GetApporteurRequest(id=contrat.commercial_id)))
    if apporteur is None or not apporteur.actif:
        raise ContratSansApporteur
    return apporteur


async def _produit_id(peers: Peers, contrat: Contrat) -> str:
    """The product of *contrat*, that of its first line where it names none itself."""
    if contrat.produit_id:
        return contrat.produit_id
    stub = peers.stub(ContratServiceStub)
    details = await answered_or_none(stub.GetWithDetails(GetContratWithDetailsRequest(id=contrat.id)))
    return details.lignes[0].produit_id if details and details.lignes else ""


async def _produit(peers: Peers, produit_id: str) -> Produit | None:
    if parse_uuid(produit_id) is None:
        return None
    produits = peers.stub(ProduitServiceStub)
    return await answered_or_none(produits.Get(GetProduitRequest(id=produit_id)))


async def _facture(peers: Peers, facture_id: str | None) -> Facture | None:
    if not facture_id or parse_uuid(facture_id) is None:
        return None
    factures = peers.stub(InvoiceServiceStub)
    return await answered_or_none(factures.Get(GetFactureRequest(id=facture_id)))


def _amounts(facture: Facture | None) -> tuple[Decimal, Decimal] | None:
    if facture is None:
        return None
    return Decimal(repr(facture.montant_ht)), Decimal(repr(facture.montant_ttc))


async def _bareme(peers: Peers, recu: Recu, type_produit: str, profil: str) -> Bareme:
    bareme = await _applicable(peers, recu, recu.societe_id, profil, type_produit)
    if bareme is None:
        raise AucunBareme
    return bareme


async def _equipe(peers: Peers, recu: Recu, apporteur: Apporteur) -> Bareme | None:
    """The scale of managers in force; scales that are not made for them pay no prime for a team (R14)."""
    if not apporteur.manager_id:
        return None
    for societe_id in dict.fromkeys((recu.societe_id, "")):
        bareme = await _applicable(peers, recu, societe_id, MANAGER_PROFIL)
        if bareme is not None and bareme.profil == MANAGER_PROFIL:
            return bareme
    return None


async def _applicable(
    peers: Peers, recu: Recu, societe_id: str, profil: str, type_produit: str = ""
) -> Bareme | None:
    request = GetBaremeApplicableRequest(
        date=recu.jour.isoformat(),
        type_produit=type_produit,
        profil_remuneration=profil,
        societe_id=societe_id,
    )
    answer = await answered_or_none(peers.stub(BaremeCommissionServiceStub).GetApplicable(request))
    return bareme_of(answer) if answer else None
