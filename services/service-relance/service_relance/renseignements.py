"""What a text about reminders needs to know, asked of the services that know it; see `textes.py`.

What nobody knows is left out; a service that is away makes the reminders wait for the next hour.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2 import GetApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.contrats.contrats_pb2 import Contrat, GetContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.factures.factures_pb2 import Facture, GetFactureRequest, GetFactureSettingsRequest
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from crm.organisations.organisations_pb2 import GetOrganisationRequest, GetSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import parse_uuid
from db_utils.clock import PARIS
from grpc_utils import answered_or_none, instant, money, percentage
from service_kit import App

from service_relance.decisions import Group
from service_relance.dossiers import Dossier, FactureDue, Rejet
from service_relance.models import (
    CONTRAT_BIENTOT_EXPIRE,
    CONTRAT_EXPIRE,
    EXECUTEE,
    INACTIVITE_CLIENT,
    REJET_PRELEVEMENT,
    RegleRelance,
    Relance,
)
from service_relance.penalites import is_professionnel, montants
from service_relance.quotidien_rules import last_day_of

_HOME = ("", "FR", "FRANCE")
_ABOUT_CONTRATS = (CONTRAT_BIENTOT_EXPIRE, CONTRAT_EXPIRE)


async def client_of(app: App[Any], client_id: str) -> ClientBase | None:
    """Ask for the client; None when clients does not know it, or its id is not of our making (C2).

    Raises Unavailable, AioRpcError.
    """
    if parse_uuid(client_id) is None:
        return None
    get = app.peers.stub(ClientBaseServiceStub).Get
    return await answered_or_none(get(GetClientBaseRequest(id=client_id)))


async def facture_of(app: App[Any], facture_id: str | None) -> Facture | None:
    """Ask for the invoice; None when factures does not know it, or its id is not of our making (C2).

    Raises Unavailable, AioRpcError.
    """
    if facture_id is None or parse_uuid(facture_id) is None:
        return None
    get = app.peers.stub(InvoiceServiceStub).Get
    return await answered_or_none(get(GetFactureRequest(id=facture_id)))


@dataclass(frozen=True, slots=True)
class Emetteur:
    """Who reminds: the société of the reminders, as its settings or else organisations describe it."""

    nom: str = ""
    email: str = ""
    telephone: str = ""
    adresse: str = ""
    iban: str = ""
    bic: str = ""

    @property
    def moyens_paiement(self) -> str:
        """How to pay it, empty when nobody knows."""
        bic = f", BIC {self.bic}" if self.bic else ""
        return f"virement sur le compte IBAN {self.iban}{bic}" if self.iban else ""

    @property
    def contact(self) -> str:
        """How to reach it, empty when nobody knows."""
        return ", ".join(filter(None, (self.email, self.telephone)))


async def emetteur_of(app: App[Any], organisation_id: str, societe_id: str) -> Emetteur:
    """Ask for the société *societe_id*, the organisation itself when it is empty.

    Raises Unavailable, AioRpcError.
    """
    wanted = GetFactureSettingsRequest(organisation_id=organisation_id, societe_id=societe_id)
    reglages, known = await asyncio.gather(
        answered_or_none(app.peers.stub(FactureSettingsServiceStub).Get(wanted)),
        _societe(app, societe_id) if societe_id else _organisation(app, organisation_id),
    )
    if reglages is None:
        return known
    return Emetteur(
        nom=reglages.company_name or known.nom,
        email=reglages.email or known.email,
        telephone=reglages.telephone or known.telephone,
        adresse=_address(reglages.company_address, "", reglages.code_postal, reglages.ville) or known.adresse,
        iban=reglages.iban,
        bic=reglages.bic,
    )


async def _societe(app: App[Any], societe_id: str) -> Emetteur:
    if parse_uuid(societe_id) is None:  # other ids are not of our making (C2)
        return Emetteur()
    get = app.peers.stub(SocieteServiceStub).Get
    societe = await answered_or_none(get(GetSocieteRequest(id=societe_id)))
    if societe is None:
        return Emetteur()
    return Emetteur(societe.raison_sociale, societe.email, societe.telephone, societe.adresse)


async def _organisation(app: App[Any], organisation_id: str) -> Emetteur:
    get = app.peers.stub(OrganisationServiceStub).Get
    organisation = await answered_or_none(get(GetOrganisationRequest(id=organisation_id)))
    if organisation is None or organisation.provisoire:  # nobody has given it a name
        return Emetteur()
    return Emetteur(organisation.nom, organisation.email, organisation.telephone, organisation.adresse)


async def contrat_of(app: App[Any], group: Group) -> Contrat | None:
    """Ask for the contract that *group* is about. Raises Unavailable, AioRpcError."""
    contrat_id = group.first.contrat_id or ""
    if group.first.declencheur not in _ABOUT_CONTRATS or parse_uuid(contrat_id) is None:
        return None
    return await answered_or_none(app.peers.stub(ContratServiceStub).Get(GetContratRequest(id=contrat_id)))


async def assignee_of(app: App[Any], regle: RegleRelance | None, client: ClientBase | None) -> str:
    """User to whom a task of *regle* is given: its own, else that of the client's sales agent (R17).

    Empty: nobody. Raises Unavailable, AioRpcError.
    """
    if regle is not None and regle.assigne_par_defaut:
        return regle.assigne_par_defaut
    apporteur_id = client.commercial_id if client else ""
    if parse_uuid(apporteur_id) is None:
        return ""
    get = app.peers.stub(ApporteurServiceStub).Get
    apporteur = await answered_or_none(get(GetApporteurRequest(id=apporteur_id)))
    return apporteur.utilisateur_id if apporteur else ""


def _address(ligne1: str, ligne2: str, code_postal: str, ville: str, pays: str = "") -> str:
    """Lines of a postal address, "" without a first one; the country is told of other countries."""
    if not ligne1:
        return ""
    abroad = "" if pays.strip().upper() in _HOME else pays.upper()
    return "\n".join(filter(None, (ligne1, ligne2, f"{code_postal} {ville}".strip(), abroad)))


def address_of(client: ClientBase | None) -> str:
    """The address to which *client* is written: the main one, else that of invoices; "" without any."""
    by_type = {one.type: one for one in client.adresses} if client else {}
    adresse = by_type.get("PRINCIPALE") or by_type.get("FACTURATION")
    if adresse is None:
        return ""
    return _address(adresse.ligne1, adresse.ligne2, adresse.code_postal, adresse.ville, adresse.pays)


def name_of(client: ClientBase | None, client_id: str) -> str:
    """Name of *client* as it is written; an external reference stands for itself."""
    return " ".join(filter(None, (client.prenom, client.nom))) if client else client_id


def dossier_of(
    group: Group,
    client: ClientBase | None,
    factures: Sequence[FactureDue],
    emetteur: Emetteur,
    contrat: Contrat | None,
    jour: date,
) -> Dossier:
    """What the text for *group* needs to know."""
    first = group.first
    return Dossier(
        declencheur=first.declencheur,
        jour=jour,
        client_nom=name_of(client, first.client_id),
        niveau=first.niveau,
        professionnel=is_business(client),
        client_telephone=client.telephone if client else "",
        client_adresse=address_of(client),
        societe_nom=emetteur.nom,
        societe_adresse=emetteur.adresse,
        moyens_paiement=emetteur.moyens_paiement,
        contact=emetteur.contact,
        factures=factures,
        derniere_activite=last_day_of(first) if first.declencheur == INACTIVITE_CLIENT else None,
        date_creation=instant(client.date_creation).astimezone(PARIS).date() if client else None,
        reference_contrat=contrat.reference if contrat else "",
        date_fin=date.fromisoformat(contrat.date_fin) if contrat and contrat.date_fin else None,
        rejets=rejets_of(group, factures),
    )


def rejets_of(group: Group, factures: Sequence[FactureDue]) -> list[Rejet]:
    """Rejected debits that *group* is about, with the numbers of those of *factures* that they paid."""
    numbers = iter([facture.numero for facture in factures])
    return [
        Rejet(
            code=one.motif_rejet or "",
            date_rejet=one.date_rejet,
            montant=one.montant,
            numero=next(numbers) if one.facture_id else "",
        )
        for one in group.relances
        if one.declencheur == REJET_PRELEVEMENT
    ]


def is_business(client: ClientBase | None) -> bool:
    """Tell whether *client* is known to pay late at the price of a business (R16)."""
    return client is not None and is_professionnel(client.type_client)


def factures_due(
    group: Group,
    client: ClientBase | None,
    factures: Mapping[str, Facture],
    siblings: Sequence[Relance],
    jour: date,
) -> list[FactureDue]:
    """What the reminders of *group* ask for, in their order; those about no invoice ask for nothing."""
    return [
        _facture_due(one, is_business(client), factures.get(one.facture_id), _reminded(one, siblings), jour)
        for one in group.relances
        if one.facture_id
    ]


def _facture_due(
    relance: Relance, professionnel: bool, facture: Facture | None, rappels: Sequence[date], jour: date
) -> FactureDue:
    """What *relance* asks for: what factures tells, else what was planned."""
    echeance = date.fromisoformat(facture.date_echeance) if facture and facture.date_echeance else None
    due = echeance or relance.date_echeance
    late = max((jour - due).days, 0) if due else 0
    solde, total = _sums(relance, facture)
    known = facture is not None and facture.HasField("taux_penalites")
    return FactureDue(
        numero=(facture.numero if facture else relance.numero) or relance.facture_id or "",
        montant_facture=total,
        date_echeance=due,
        jours_retard=late,
        montants=montants(
            solde,
            professionnel=professionnel,
            niveau=relance.niveau,
            taux=percentage(facture.taux_penalites, "taux_penalites") if facture and known else None,
            jours_retard=late,
        ),
        rappels=rappels,
    )


def _sums(relance: Relance, facture: Facture | None) -> tuple[Decimal, Decimal]:
    """What is left to pay, and the amount of the invoice."""
    if facture is None:
        planned = relance.montant or Decimal("0.00")
        return planned, planned
    return money(facture.solde, "solde"), money(facture.montant_ttc, "montant_ttc")


def _reminded(relance: Relance, siblings: Sequence[Relance]) -> Sequence[date]:
    """Days of the earlier reminders about the invoice of *relance*."""
    return sorted(
        {
            one.executee_le.astimezone(PARIS).date()
            for one in siblings
            if one.statut == EXECUTEE and one.executee_le and one.facture_id == relance.facture_id
        }
    )
