"""The parties of an invoice as pure functions (R10, R12, R26): what is frozen, and what is missing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from crm.clients.clients_pb2 import Adresse, ClientBase, ClientEntreprise
from db_utils import text_key
from grpc_utils.errors import FailedPrecondition, InvalidArgument

from service_factures.documents.adresses_electroniques import of_business, of_siren
from service_factures.documents.values import FRANCE, PARTICULIER
from service_factures.exonerations import NORMAL, NUMBERED
from service_factures.lookups import Entendu
from service_factures.models import A_COMPLETER, COMPLETE, VIREMENT, Facture
from service_factures.societes import FactureSettings

MISSING: Final = ("SELLER", "CLIENT", "SIREN", "TVA", "PAYS", "IBAN", "ADRESSE_ELECTRONIQUE")
"""What an invoice may lack of its parties, as its avertissements say it."""

_SELLER = ("company_name", "company_address", "siren")
_COMPLETED = (*_SELLER, "siret", "tva_intracom", "email")
_KEPT = (
    "forme_juridique",
    "rcs",
    "telephone",
    "iban",
    "bic",
    "header_text",
    "footer_text",
    "couleurs",
    "mentions_libres",
)
_MENTIONS = ("escompte_texte", "option_debits", "franchise_tva")
_BILLED, _MAIN = "FACTURATION", "PRINCIPALE"


class IdentiteIncomplete(FailedPrecondition):
    """L'identité du vendeur ou du client est incomplète."""


class NumeroTvaRequis(InvalidArgument):
    """Ce motif d'exonération demande le numéro de TVA du client."""


@dataclass(frozen=True, slots=True)
class Identite:
    """The parties as they are now, None for a buyer of whom nothing is known; what is *missing* of them."""

    vendeur: Mapping[str, Any]
    acheteur: Mapping[str, Any] | None
    missing: tuple[str, ...]

    @property
    def particulier(self) -> bool:
        """Whether the buyer is known to be a person."""
        return self.acheteur is not None and self.acheteur["type_client"] == PARTICULIER

    def columns(self, others: Collection[str]) -> dict[str, Any]:
        """The columns of an invoice with these parties, frozen if nothing is missing; *others* warn too."""
        complete = not self.missing
        return {
            "identite_statut": COMPLETE if complete else A_COMPLETER,
            "vendeur_snapshot": dict(self.vendeur) if complete else None,
            "client_snapshot": dict(self.acheteur or {}) if complete else None,
            "avertissements": [*self.missing, *others],
        }


def identite(
    settings: FactureSettings, entendu: Entendu, mode_paiement: str, categories: Collection[str]
) -> Identite:
    """The parties of an invoice with lines of these *categories* (R10, R12)."""
    seller = vendeur(settings, entendu.vendeur)
    buyer = acheteur(entendu.client, entendu.entreprise) if entendu.client is not None else None
    lacking = {
        "SELLER": not all(seller[name] for name in ("nom", "siren")) or not seller["adresse"]["ligne1"],
        "CLIENT": buyer is None or not buyer["nom"],
        "SIREN": buyer is not None and _is_french_business(buyer) and not buyer["siren"],
        "TVA": _lacks_tva(seller, buyer, categories),
        "PAYS": buyer is not None and not buyer["adresse"]["pays"],
        "IBAN": mode_paiement == VIREMENT and not seller["iban"],
        "ADRESSE_ELECTRONIQUE": buyer is not None
        and buyer["type_client"] != PARTICULIER
        and not buyer["adresse_electronique"],
    }
    return Identite(seller, buyer, tuple(name for name in MISSING if lacking[name]))


def check_complete(facture: Facture) -> None:
    """Refuse what needs the parties of *facture* while they are not frozen; says what is missing (R12).

    Raises IdentiteIncomplete.
    """
    if facture.identite_statut != COMPLETE:
        missing = [one for one in facture.avertissements if one in MISSING]
        raise IdentiteIncomplete(manque=",".join(missing))


def check_numbers(motif: str | None, identite: Identite) -> None:
    """Refuse a reason that needs the buyer's VAT number for a buyer without one (R5).

    Raises NumeroTvaRequis.
    """
    buyer = identite.acheteur
    if motif in NUMBERED and buyer is not None and not buyer["tva_intracom"]:
        raise NumeroTvaRequis(champ="motif_exoneration")


def vendeur(settings: FactureSettings, told: Mapping[str, str]) -> dict[str, Any]:
    """The seller: its settings, completed by what organisations has *told* (R10)."""
    known = {name: getattr(settings, name) or told.get(name, "") for name in _COMPLETED}
    if settings.siren and not known["siret"].startswith(settings.siren):
        known["siret"] = ""
    address = settings.adresse_electronique or of_siren(known["siren"])
    return {
        "nom": known["company_name"],
        "adresse": {
            "ligne1": known["company_address"],
            "ligne2": "",
            "code_postal": settings.code_postal or "",
            "ville": settings.ville or "",
            "pays": settings.pays,
        },
        **{name: known[name] for name in ("siren", "siret", "tva_intracom", "email")},
        "adresse_electronique": address,
        "capital": str(settings.capital) if settings.capital is not None else "",
        **{name: getattr(settings, name) or "" for name in _KEPT},
        **{name: getattr(settings, name) for name in _MENTIONS},
    }


def acheteur(client: ClientBase, entreprise: ClientEntreprise | None) -> dict[str, Any]:
    """The buyer: a client with the address to which it is billed, and its company sheet (R10, R26)."""
    adresse = _adresse(client.adresses)
    siren = entreprise.siren if entreprise else ""
    buyer = {
        "nom": entreprise.raison_sociale if entreprise else f"{client.prenom} {client.nom}".strip(),
        "adresse": adresse,
        "type_client": client.type_client,
        "siren": siren,
        "tva_intracom": entreprise.numero_tva if entreprise else "",
        "adresse_electronique": entreprise.adresse_electronique if entreprise else "",
        "email": client.email,
    }
    if client.type_client != PARTICULIER and not buyer["adresse_electronique"]:
        buyer["adresse_electronique"] = of_business(adresse["pays"], siren, client.email)
    return buyer


def _adresse(adresses: Collection[Adresse]) -> dict[str, str]:
    """The address of invoices, else the main one; without either all of it is empty."""
    by_type = {adresse.type: adresse for adresse in adresses}
    chosen = by_type.get(_BILLED) or by_type.get(_MAIN) or Adresse()
    lines = {name: getattr(chosen, name) for name in ("ligne1", "ligne2", "code_postal", "ville")}
    return lines | {"pays": country(chosen.pays)}


def _is_french_business(buyer: Mapping[str, Any]) -> bool:
    return buyer["type_client"] != PARTICULIER and buyer["adresse"]["pays"] in FRANCE


def _lacks_tva(
    seller: Mapping[str, Any], buyer: Mapping[str, Any] | None, categories: Collection[str]
) -> bool:
    """Whether a VAT number is missing that a category needs: the seller's, or those of both."""
    both = bool({"AE", "K"} & set(categories))
    needed = both or NORMAL in categories
    return (needed and not seller["tva_intracom"]) or (
        both and buyer is not None and not buyer["tva_intracom"]
    )


def country(text: str) -> str:
    """The ISO code of a country by its code, or its French or English name; "" for no country (R10)."""
    if len(text) == 2 and text.isalpha():
        return text.upper()
    return _countries().get(text_key(text), "")


@cache
def _countries() -> Mapping[str, str]:
    # Here, not at the top: its tables take a tenth of a second, which no start should wait for.
    from babel import Locale

    return {
        text_key(name): code
        for language in ("en", "fr")
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha()
    }
