"""Rules of the settings of a société as pure functions (R5, R8, R26): what may be in them."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from crm.factures import factures_pb2 as pb
from grpc_utils import (
    at_most,
    changes,
    electronic_address,
    email_address,
    money,
    optional_date,
    percentage,
    siren_number,
    siret_number,
    vat_number,
)
from grpc_utils.errors import FailedPrecondition, FormatInvalide, InvalidArgument
from stdnum import bic, iban
from stdnum.exceptions import ValidationError

from service_factures.societes import OBLIGATION, FactureSettings

_TEXTS: Final = (
    "company_name",
    "forme_juridique",
    "company_address",
    "code_postal",
    "ville",
    "rcs",
    "telephone",
    "escompte_texte",
    "couleurs",
    "header_text",
    "footer_text",
    "mentions_libres",
)
_OF_MANY_LINES: Final = ("header_text", "footer_text", "mentions_libres")
_LONGEST: Final = 2_000
"""Characters of a text of many lines: each invoice keeps a copy, and a page of a list holds a hundred."""

_MANDATORY: Final = (
    "pays",
    "prefix_facture",
    "prefix_avoir",
    "conditions_paiement",
    "calcul_fin_de_mois",
    "escompte_texte",
)
_NUMBERS: Final = ("siren", "siret", "tva_intracom", "adresse_electronique")
_FIELDS: Final = (
    *_TEXTS,
    *_MANDATORY[:-1],
    *_NUMBERS,
    "email",
    "iban",
    "bic",
    "capital",
    "taux_penalites",
    "option_debits",
    "franchise_tva",
    "regime_tva",
)
_DAYS: Final = ("emission_obligatoire_le", "ereporting_depuis")
_RATES: Final = ("0", "0.9", "1.05", "1.75", "2.1", "5.5", "7", "8.5", "9.2", "9.6", "10", "13")
RATES: Final = frozenset(map(Decimal, (*_RATES, "19.6", "20", "20.6")))
"""The rates of a French seller (BR-FR-16)."""

_PREFIXE = re.compile("[A-Z][A-Z0-9-]{0,9}")
_COUNTRY = re.compile("[A-Z]{2}")
_COLOURS = re.compile("#[0-9A-Fa-f]{6}(, ?#[0-9A-Fa-f]{6})*")


class PrefixesIdentiques(InvalidArgument):
    """Factures et avoirs ne peuvent pas avoir le même préfixe."""


class PrefixeFige(FailedPrecondition):
    """Le préfixe ne change plus dans l'année une fois qu'une pièce l'a reçu."""


class TauxInconnu(InvalidArgument):
    """Ce taux n'est pas un taux de TVA français."""


def settings_changes(settings: FactureSettings, request: pb.SaveFactureSettingsRequest) -> dict[str, Any]:
    """Columns of *settings* that *request* changes, checked together. Raises InvalidArgument."""
    changed = changes(request, _FIELDS, mandatory=_MANDATORY)
    _check_forms(changed)
    if changed.get("email"):
        changed["email"] = email_address(changed["email"], "email")
    for name, convert in (("capital", money), ("taux_penalites", percentage)):
        if name in changed:
            changed[name] = convert(changed[name], name)
    days = changes(request, _DAYS).items()
    changed |= {name: optional_date(text or "", name) or OBLIGATION for name, text in days}
    if request.taux_autorises:
        changed["taux_autorises"] = _rates(request.taux_autorises)
    wanted = {name: changed.get(name, getattr(settings, name)) for name in ("prefix_facture", "prefix_avoir")}
    if wanted["prefix_facture"] == wanted["prefix_avoir"]:
        raise PrefixesIdentiques(champ="prefix_avoir")
    return changed | _numbers(settings, changed) | _bank(changed)


def _check_forms(changed: Mapping[str, Any]) -> None:
    forms = {"prefix_facture": _PREFIXE, "prefix_avoir": _PREFIXE, "pays": _COUNTRY, "couleurs": _COLOURS}
    for name, form in forms.items():
        if changed.get(name) and not form.fullmatch(changed[name]):
            raise FormatInvalide(champ=name)
    for name in _OF_MANY_LINES:
        at_most(changed.get(name) or "", _LONGEST, name)


def _rates(asked: Iterable[float]) -> list[Decimal]:
    rates = sorted({percentage(one, "taux_autorises") for one in asked}, reverse=True)
    if not set(rates) <= RATES:
        raise TauxInconnu(champ="taux_autorises")
    return rates


def _numbers(settings: FactureSettings, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of the société, which must suit each other. Raises FormatInvalide."""
    text = {name: changed.get(name, getattr(settings, name)) or "" for name in _NUMBERS}
    siren = siren_number(text["siren"], "siren") if text["siren"] else ""
    siret = siret_number(text["siret"], "siret")
    if siret and not siret.startswith(siren):
        raise FormatInvalide(champ="siret")
    return {
        "siren": siren or None,
        "siret": siret,
        "tva_intracom": vat_number(text["tva_intracom"], siren or None, "tva_intracom"),
        "adresse_electronique": electronic_address(
            text["adresse_electronique"], siren, "adresse_electronique"
        ),
    }


def _bank(changed: Mapping[str, Any]) -> dict[str, Any]:
    checks = {"iban": iban.validate, "bic": bic.validate}
    try:
        return {name: check(changed[name]) for name, check in checks.items() if changed.get(name)}
    except ValidationError:
        raise FormatInvalide(champ=_wrong(changed)) from None


def _wrong(changed: Mapping[str, Any]) -> str:
    return "iban" if changed.get("iban") and not iban.is_valid(changed["iban"]) else "bic"
