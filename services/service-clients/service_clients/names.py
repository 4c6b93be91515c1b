"""Names of persons and companies in the form that is stored (R2). Pure."""

import re
import unicodedata

from service_clients.models import ENTREPRISE

# Kept in lower case when another part follows: "de la Tour", "van der Berg", "d'Artagnan".
_PARTICLE = r"(?:de(?:[\s-](?:la|le|l(?=['’])))?|du|des|d(?=['’])|van|von|der|den|di|da|dos)"
_PARTS = re.compile(rf"(?P<particle>{_PARTICLE}(?=[\s\-'’][^\s\-'’]))|[^\s\-'’]+")


def collapsed(text: str) -> str:
    """Text without white space around it and with single spaces inside."""
    return " ".join(text.split())


def name_of(text: str, type_client: str) -> str:
    """Stored form of nom: that of a client of type ENTREPRISE is not respelt (R2)."""
    return collapsed(text) if type_client == ENTREPRISE else person_name(text)


def person_name(text: str) -> str:
    """Stored form of a person's name: as typed, unless all in capitals or all in lower case (R2).

    Such a name gets a capital at the start of each part; a particle typed in lower case keeps it.
    The stored form of a stored form is itself.
    """
    name = unicodedata.normalize("NFC", collapsed(text))
    if name.isupper():
        name = _PARTS.sub(_capitalised, name)
    elif name.islower():
        name = _PARTS.sub(lambda part: part["particle"] or _capitalised(part), name)
    return unicodedata.normalize("NFC", name)


def _capitalised(part: re.Match[str]) -> str:
    return part[0].capitalize()
