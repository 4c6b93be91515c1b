"""Company sheets: identification numbers and the electronic address (R15, R19). Pure.

The numbers depend on each other and on the country; they are therefore checked together.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from crm.clients import clients_pb2 as pb
from grpc_utils import changes, electronic_address, required, siren_number, vat_number
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument, ValeurInconnue
from stdnum.eu.vat import MEMBER_STATES

from service_clients.models import FRANCAIS, ClientEntreprise
from service_clients.names import collapsed

_NUMBERS = ("pays", "siren", "numero_tva", "identifiant_etranger", "adresse_electronique")
_MONACO = "MC"
# XI is the prefix of Northern Ireland and no country of ISO 3166.
_UNION = frozenset(state.upper() for state in MEMBER_STATES) - {"XI"}
# Directive 2006/112/EC, article 215: the prefix of any other state is its country code.
_VAT_PREFIX = {"GR": "EL"}
_ELSEWHERE = re.compile(r"[A-Z0-9]+")
_PUNCTUATION = str.maketrans("", "", " .-/")


class SirenInterdit(InvalidArgument):
    """Seule une entreprise française a un SIREN ; les autres donnent un numéro de TVA ou un identifiant."""


def new_entreprise(request: pb.CreateClientEntrepriseRequest) -> ClientEntreprise:
    """New company sheet with the fields of *request*. Raises InvalidArgument."""
    numbers = {name: getattr(request, name) for name in _NUMBERS}
    return ClientEntreprise(
        organisation_id=request.organisation_id,
        raison_sociale=collapsed(required(request.raison_sociale, "raison_sociale")),
        **_checked(numbers | {"pays": request.pays or "FR", "siren": _siren(request.siren)}),
    )


def entreprise_changes(
    entreprise: ClientEntreprise, request: pb.UpdateClientEntrepriseRequest
) -> dict[str, Any]:
    """Columns of *entreprise* that *request* changes. Raises InvalidArgument."""
    changed = changes(request, ("raison_sociale", *_NUMBERS), mandatory=("raison_sociale", "pays"))
    if "raison_sociale" in changed:
        changed["raison_sociale"] = collapsed(changed["raison_sociale"])
    if "siren" in changed:
        changed["siren"] = _siren(request.siren)
    numbers = {name: changed.get(name, getattr(entreprise, name)) or "" for name in _NUMBERS}
    return changed | _checked(numbers)


def _siren(text: str) -> str:
    return siren_number(text, "siren") if text else ""


def _checked(numbers: Mapping[str, str]) -> dict[str, Any]:
    """Stored forms of *numbers*, which must suit each other (R15).

    Raises ValeurInconnue, ChampRequis, SirenInterdit, FormatInvalide.
    """
    pays, siren = numbers["pays"], numbers["siren"]
    if pays not in _countries():
        raise ValeurInconnue(champ="pays")
    if pays in FRANCAIS:
        required(siren, "siren")
    elif siren:
        raise SirenInterdit(champ="siren")
    elif not (numbers["numero_tva"] or numbers["identifiant_etranger"]):
        raise ChampRequis(champ="numero_tva")
    return {
        "pays": pays,
        "siren": siren or None,
        "numero_tva": _numero_tva(numbers["numero_tva"], pays, siren),
        "identifiant_etranger": collapsed(numbers["identifiant_etranger"]) or None,
        "adresse_electronique": electronic_address(
            numbers["adresse_electronique"], siren, "adresse_electronique"
        ),
    }


@cache
def _countries() -> frozenset[str]:
    """Country codes of ISO 3166-1, from the table in the time zone database."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and not line.startswith("#"))


def _numero_tva(text: str, pays: str, siren: str) -> str | None:
    """Stored form of a VAT number of *pays*, None when empty. Raises FormatInvalide.

    A French company may declare VAT in any state of the Union. Outside the Union and Monaco
    only the form is checked: letters and digits.
    """
    if not text or pays in FRANCAIS:
        return vat_number(text, siren, "numero_tva")
    if pays not in _UNION | {_MONACO}:
        return _fullmatch(_ELSEWHERE, text.translate(_PUNCTUATION).upper(), "numero_tva")
    number = vat_number(text, None, "numero_tva")
    expected = "FR" if pays == _MONACO else _VAT_PREFIX.get(pays, pays)
    if number is None or not number.startswith(expected):
        raise FormatInvalide(champ="numero_tva")
    return number


def _fullmatch(form: re.Pattern[str], text: str, champ: str) -> str:
    if not form.fullmatch(text):
        raise FormatInvalide(champ=champ)
    return text
