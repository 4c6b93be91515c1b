"""Company sheets as pure functions: countries, numbers, electronic addresses (R15, R19)."""

import pytest
from crm.clients import clients_pb2 as pb
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument, ValeurInconnue
from service_clients import fiches
from service_clients.models import FRANCAIS, ClientEntreprise

# Public numbers of real companies, but those of Monaco: keys that are right, given to nobody.
SIREN, TVA = "552032534", "FR27552032534"
MONACO = "FR90000012345"


def sheet(**fields: str) -> ClientEntreprise:
    """Sheet that a creation with *fields* makes."""
    return fiches.new_entreprise(pb.CreateClientEntrepriseRequest(**({"raison_sociale": "X"} | fields)))


def refused(**fields: str) -> tuple[type[InvalidArgument], str]:
    """Class of the refusal of a creation with *fields*, and the field at fault."""
    with pytest.raises(InvalidArgument) as refusal:
        sheet(**fields)
    return type(refusal.value), refusal.value.metadata["champ"]


@pytest.mark.parametrize("pays", FRANCAIS)
def test_R15_a_french_company_has_a_siren(pays: str) -> None:
    """A company of France or of a territory overseas needs a SIREN and no VAT number."""
    assert (sheet(pays=pays, siren=SIREN).siren, refused(pays=pays)) == (SIREN, (ChampRequis, "siren"))


def test_R15_a_company_is_french_unless_told() -> None:
    """An empty country means FR."""
    assert sheet(siren=SIREN).pays == "FR"


@pytest.mark.parametrize("pays", ["fr", "FRA", "France", "XX", "EU", "UK", "XI", "F", "??"])
def test_R15_a_country_is_a_code_of_iso_3166(pays: str) -> None:
    """A text that is not the code of a country in capitals is VALEUR_INCONNUE."""
    assert refused(pays=pays, siren=SIREN) == (ValeurInconnue, "pays")


@pytest.mark.parametrize("siren", ["000000000", "000 000 000"])
def test_C10_a_siren_of_zeros_is_refused(siren: str) -> None:
    """A SIREN of zeros is refused although its check digit is right."""
    assert refused(siren=siren) == (FormatInvalide, "siren")


@pytest.mark.parametrize(
    ("pays", "typed", "stored"),
    [
        ("BE", "BE 0403.170.701", "BE0403170701"),
        ("BE", "be697449992", "BE0697449992"),
        ("DE", "DE 136 695 976", "DE136695976"),
        ("ES", "ESB58378431", "ESB58378431"),
        ("GR", "EL094259216", "EL094259216"),
        ("GR", "GR094259216", "EL094259216"),
        ("IT", "IT 00743110157", "IT00743110157"),
        ("LU", "LU 150 274 42", "LU15027442"),
        ("NL", "NL004495445B01", "NL004495445B01"),
        ("PT", "PT 501 964 843", "PT501964843"),
    ],
)
def test_R15_a_company_of_the_union_has_a_vat_number_of_its_state(pays: str, typed: str, stored: str) -> None:
    """VAT numbers are stored without spaces, with the prefix of the state (EL for Greece)."""
    assert sheet(pays=pays, numero_tva=typed).numero_tva == stored


@pytest.mark.parametrize(
    ("pays", "numero_tva"),
    [
        ("BE", "BE0403170702"),
        ("BE", "DE136695976"),
        ("BE", TVA),
        ("BE", MONACO),
        ("BE", "0403170701"),
        ("DE", "EU372022452"),
        ("IE", "XI432525179"),
    ],
)
def test_R15_a_vat_number_of_another_state_is_refused(pays: str, numero_tva: str) -> None:
    """A VAT number of another state, with a wrong key or without prefix is refused."""
    assert refused(pays=pays, numero_tva=numero_tva) == (FormatInvalide, "numero_tva")


@pytest.mark.parametrize(
    ("pays", "typed", "stored"),
    [
        ("CH", "CHE-116.281.710 TVA", "CHE116281710TVA"),
        ("GB", "GB 980 7806 84", "GB980780684"),
        ("GB", "XI432525179", "XI432525179"),
        ("MA", "12/345678", "12345678"),
        ("US", "xx-1234567", "XX1234567"),
    ],
)
def test_R15_outside_the_union_a_vat_number_has_letters_and_digits(
    pays: str, typed: str, stored: str
) -> None:
    """VAT numbers of other countries are stored without punctuation, their keys unchecked."""
    assert sheet(pays=pays, numero_tva=typed).numero_tva == stored
    assert refused(pays=pays, numero_tva="n° 1") == (FormatInvalide, "numero_tva")


@pytest.mark.parametrize("pays", ["BE", "CH", "MC", "US"])
def test_R15_a_company_from_elsewhere_has_one_number_at_least(pays: str) -> None:
    """A company that is not French needs a VAT number or identifier and has no SIREN."""
    assert sheet(pays=pays, identifiant_etranger=" CHE  1 ").identifiant_etranger == "CHE 1"
    assert refused(pays=pays) == (ChampRequis, "numero_tva")
    assert refused(pays=pays, siren=SIREN, identifiant_etranger="1") == (fiches.SirenInterdit, "siren")


@pytest.mark.parametrize("typed", [MONACO, "FR 90 000 012 345", "fr90000012345"])
def test_R15_a_company_of_monaco_has_a_french_vat_number_without_siren(typed: str) -> None:
    """The last nine digits of a VAT number of Monaco begin with three zeros."""
    stored = sheet(pays="MC", numero_tva=typed)
    assert (stored.siren, stored.numero_tva) == (None, MONACO)


@pytest.mark.parametrize(
    "numero_tva", ["FR91000012345", TVA, "FR12000000000", "90000012345", "MC90000012345"]
)
def test_R15_other_numbers_are_refused_for_monaco(numero_tva: str) -> None:
    """Wrong keys, embedded SIREN, only zeros and other prefixes are refused for Monaco."""
    assert refused(pays="MC", numero_tva=numero_tva) == (FormatInvalide, "numero_tva")


def test_R15_a_number_of_monaco_is_refused_for_a_french_company() -> None:
    """A French company is refused a VAT number of Monaco, with a SIREN or without."""
    assert refused(pays="FR", numero_tva=MONACO) == (ChampRequis, "siren")
    assert refused(pays="FR", siren=SIREN, numero_tva=MONACO) == (FormatInvalide, "numero_tva")


def test_R15_a_french_company_may_declare_vat_elsewhere() -> None:
    """A French company may have a VAT number of another state and a local identifier."""
    stored = sheet(pays="NC", siren=SIREN, numero_tva="BE0403170701", identifiant_etranger="RIDET 1")
    assert (stored.numero_tva, stored.identifiant_etranger) == ("BE0403170701", "RIDET 1")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("0225:552032534", "0225:552032534"),
        ("0225:552032534_compta", "0225:552032534_compta"),
        ("0225:552032534_55203253400043", "0225:552032534_55203253400043"),
        ("0225:552032534-A.b", "0225:552032534-A.b"),
        ("0225:552032534" + "x" * 116, "0225:552032534" + "x" * 116),
        ("EM:Factures@Exemple.FR", "EM:factures@exemple.fr"),
        ("0009:55203253400043", "0009:55203253400043"),
        ("9957:FR27552032534", "9957:FR27552032534"),
        ("AN:O0013000001FRX-1", "AN:O0013000001FRX-1"),
        ("", None),
    ],
)
def test_R19_an_electronic_address_is_a_scheme_and_an_identifier(typed: str, stored: str | None) -> None:
    """In scheme 0225 the identifier begins with the SIREN; in EM it is an email address."""
    assert sheet(siren=SIREN, adresse_electronique=typed).adresse_electronique == stored


@pytest.mark.parametrize(
    "typed",
    [
        "552032534",
        "0225",
        "0225:",
        ":552032534",
        "225:552032534",
        "XX:552032534",
        "em:factures@exemple.fr",
        "EM:factures",
        "0225:418166096",
        "0225:552 032 534",
        "0225:552032534/compta",
        "0225:552032534é",
        "0225:552032534" + "x" * 117,
        "0088:7300010 000001",
    ],
)
def test_R19_any_other_electronic_address_is_refused(typed: str) -> None:
    """Unknown schemes, lower case included, and wrong identifiers are FORMAT_INVALIDE."""
    assert refused(siren=SIREN, adresse_electronique=typed) == (FormatInvalide, "adresse_electronique")


def test_R19_a_company_without_siren_is_not_in_the_french_directory() -> None:
    """A company without a SIREN may have any scheme but 0225."""
    foreign = {"pays": "BE", "identifiant_etranger": "1"}
    address = "0208:0403170701"
    assert sheet(**foreign, adresse_electronique=address).adresse_electronique == address
    assert refused(**foreign, adresse_electronique="0225:552032534") == (
        FormatInvalide,
        "adresse_electronique",
    )
