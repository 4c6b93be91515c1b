"""What each story begins with: a seller, its société, its agent, a client, and a contract signed."""

from dataclasses import dataclass
from typing import Final

from tests.e2e.money.person import Person

SOCIETE_IBAN: Final = "FR7630006000011234567890189"
CLIENT_IBAN: Final = "FR1420041010050500013M02606"
PREMIUM, PERIODS = 49.90, 12
_RECURRENCE: Final = {"recurrence_active": True, "taux_recurrence": 3, "duree_recurrence_mois": 12}


@dataclass(frozen=True, slots=True)
class Sale:
    """A signed contract of twelve months at 49.90 €, and whom it concerns."""

    person: Person
    societe_id: str
    apporteur_id: str
    client_id: str
    contrat_id: str


async def seller(person: Person) -> tuple[str, str]:
    """A société that debits on the 5th with 14 days' notice, and its agent, at 10 % and later 3 %."""
    societe = await person.call(
        "organisations.SocieteService/Create",
        raison_sociale="Assurances du Port",
        siren="732829320",
        adresse="12 quai des Belges, 13001 Marseille",
        email="compta@exemple.fr",
    )
    await person.call(
        "factures.FactureSettingsService/Save",
        societe_id=societe.id,
        company_name="Assurances du Port",
        forme_juridique="SAS",
        capital=50_000,
        company_address="12 quai des Belges",
        code_postal="13001",
        ville="Marseille",
        siren="732829320",
        siret="73282932000074",
        rcs="RCS Marseille",
        tva_intracom="FR44732829320",
    )
    await person.call(
        "calendar.DebitConfigurationService/Save",
        niveau="SOCIETE",
        reference_id=societe.id,
        mode="FIXED_DAY",
        fixed_day=5,
        shift_strategy="NEXT_BUSINESS_DAY",
        zone_code="FR",
    )
    await person.call(
        "payments.SepaService/SaveCreancier",
        societe_id=societe.id,
        nom="Assurances du Port",
        ics="FR72ZZZ123456",
        iban=SOCIETE_IBAN,
    )
    apporteur = await person.call(
        "commerciaux.ApporteurService/Create", nom="Marchand", prenom="Aline", societe_id=societe.id
    )
    await person.call(
        "commerciaux.BaremeCommissionService/Create",
        code="DIXPOURCENT",
        nom="Dix pour cent",
        type_calcul="pourcentage",
        base_calcul="cotisation_ht",
        taux_pourcentage=10,
        **_RECURRENCE,
    )
    return societe.id, apporteur.id


async def sell(person: Person) -> Sale:
    """Sign a contract of 12 × 49.90 € with a private person who has an address and a bank account."""
    societe_id, apporteur_id = await seller(person)
    client = await person.call(
        "clients.ClientBaseService/Create",
        nom="Legrand",
        prenom="Victoire",
        email="victoire@exemple.fr",
        telephone="0612345678",
        societe_id=societe_id,
        commercial_id=apporteur_id,
    )
    contrat = await person.call(
        "contrats.ContratService/Create",
        client_id=client.id,
        produit_id="prod-456",
        montant=PREMIUM,
        frequence_facturation="MENSUELLE",
        duree_mois=PERIODS,
        societe_id=societe_id,
        commercial_id=apporteur_id,
    )
    assert contrat.statut == "SIGNE"
    return Sale(person, societe_id, apporteur_id, client.id, contrat.id)


async def give_bank_details(sale: Sale) -> None:
    """Activate the contract with SEPA, and the mandate with the details that the client has signed."""
    await sale.person.call(
        "contrats.ContractOrchestrationService/Activer", contrat_id=sale.contrat_id, moyen_paiement="SEPA"
    )
    (mandate,) = await sale.person.finds("payments.MandateService/List", contrat_id=sale.contrat_id)
    assert mandate.statut == "EN_ATTENTE"
    active = await sale.person.call(
        "payments.MandateService/Activate",
        id=mandate.id,
        iban=CLIENT_IBAN,
        titulaire="Victoire Legrand",
        date_signature="2026-01-12",
    )
    assert (active.statut, active.iban_masque) == ("ACTIF", "FR14****2606")
