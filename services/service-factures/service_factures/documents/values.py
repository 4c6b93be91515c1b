"""What a document shows, as values: everything that was frozen when the invoice was issued.

`rendering.py` makes the files of them. Texts are in the stored form (C10), amounts have two decimals.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal, get_args

FACTURE: Final = "FACTURE"
AVOIR: Final = "AVOIR"
PARTICULIER: Final = "PARTICULIER"
# Where companies have a SIREN: France and its overseas departments and collectivities.
FRANCE: Final = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM"})

TypeDocument = Literal["FACTURE", "AVOIR"]
TypeClient = Literal["PARTICULIER", "ENTREPRISE", "PARTENAIRE"]
Nature = Literal["SERVICES", "BIENS", "MIXTE"]
Mode = Literal["VIREMENT", "PRELEVEMENT_SEPA", "CARTE", "CHEQUE", "ESPECES"]
Traitement = Literal["B2B", "B2BINT", "B2C", "OUTOFSCOPE"]
TRAITEMENTS: Final = get_args(Traitement)
Categorie = Literal["S", "E", "AE", "K", "G", "O"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adresse:
    """A postal address; *pays* is two letters of ISO 3166."""

    ligne1: str = ""
    ligne2: str = ""
    code_postal: str = ""
    ville: str = ""
    pays: str = "FR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendeur:
    """Who sells; numbers without spaces, *logo* as `converted_logo` gives it, *couleur* #RRGGBB."""

    nom: str
    adresse: Adresse
    siren: str
    siret: str = ""
    tva_intracom: str = ""
    adresse_electronique: str = ""
    forme_juridique: str = ""
    capital: str = ""
    rcs: str = ""
    email: str = ""
    telephone: str = ""
    couleur: str = "#1F3A5F"
    header_text: str = ""
    footer_text: str = ""
    logo: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who buys."""

    nom: str
    adresse: Adresse
    type_client: TypeClient = "PARTICULIER"
    siren: str = ""
    siret: str = ""
    tva_intracom: str = ""
    adresse_electronique: str = ""
    email: str = ""

    @property
    def professionnel(self) -> bool:
        """Whether the mentions owed to businesses are owed to this one (R10, R14)."""
        return self.type_client != PARTICULIER


@dataclass(frozen=True, slots=True, kw_only=True)
class Ligne:
    """A line; *montant_ht* is R1's, *unite* the word that people read, *unite_code* its code if frozen."""

    description: str
    quantite: Decimal
    prix_unitaire: Decimal
    montant_ht: Decimal
    taux_tva: Decimal
    categorie_tva: Categorie = "S"
    remise_pct: Decimal = Decimal(0)
    unite: str = "unité"
    unite_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tva:
    """What is owed at one rate, as `facture_tva` has it (R2, R4)."""

    taux: Decimal
    categorie: Categorie
    base_ht: Decimal
    montant_tva: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exoneration:
    """Why a rate is 0: BT-121 and BT-120, of the mention that was frozen (R27)."""

    vatex: str
    texte: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paiement:
    """How to pay: the seller's *iban* and *bic*, or *rum* and *ics* of the debit; never the client's bank."""

    mode: Mode
    iban: str = ""
    bic: str = ""
    rum: str = ""
    ics: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origine:
    """The invoice that an avoir corrects."""

    numero: str
    date_emission: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An issued invoice or avoir; the amounts of an avoir are positive (R21)."""

    numero: str
    date_emission: date
    date_prestation: date
    vendeur: Vendeur
    client: Client
    lignes: tuple[Ligne, ...]
    ventilation_tva: tuple[Tva, ...]
    montant_ht: Decimal
    montant_tva: Decimal
    montant_ttc: Decimal
    type: TypeDocument = "FACTURE"
    date_echeance: date | None = None
    paiement: Paiement | None = None
    nature_operation: Nature = "SERVICES"
    traitement: Traitement = "B2B"
    exoneration: Exoneration | None = None
    livraison: Adresse | None = None
    taux_penalites: Decimal = Decimal(0)
    indemnite_recouvrement: Decimal = Decimal(40)
    escompte: str = ""
    option_debits: bool = False
    reference_commande: str = ""
    notes: str = ""
    mentions_libres: str = ""
    origine: Origine | None = None
    motif_avoir: str = ""

    @property
    def hors_champ(self) -> bool:
        """Whether VAT does not concern it at all: category O stands alone (R5)."""
        return any(ligne.categorie_tva == "O" for ligne in self.lignes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The two files of a document, and the signs that no font could print (GLYPHES_MANQUANTS, R29)."""

    pdf: bytes
    xml: bytes
    missing_glyphs: tuple[str, ...] = ()
