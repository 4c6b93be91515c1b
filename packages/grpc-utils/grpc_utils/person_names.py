"""Names of persons in the form that is stored: as typed, unless a habit of the keyboard is corrected."""

import re
import unicodedata

# Kept in lower case when another part follows: "de la Tour", "van der Berg", "d'Artagnan".
_PARTICLE = r"(?:de(?:[\s-](?:la|le|l(?=['’])))?|du|des|d(?=['’])|van|von|der|den|di|da|dos)"
_PARTS = re.compile(rf"(?P<particle>{_PARTICLE}(?=[\s\-'’][^\s\-'’]))|[^\s\-'’]+")


def person_name(text: str) -> str:
    """Stored form of a person's name: as typed, unless all in capitals or all in lower case (clients R2).

    Such a name gets a capital at the start of each part; a particle typed in lower case keeps it. White
    space inside becomes single spaces. The stored form of a stored form is itself.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if name.isupper():
        name = _PARTS.sub(_capitalised, name)
    elif name.islower():
        name = _PARTS.sub(lambda part: part["particle"] or _capitalised(part), name)
    return unicodedata.normalize("NFC", name)


def _capitalised(part: re.Match[str]) -> str:
    return part[0].capitalize()
