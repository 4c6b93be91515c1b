"""Names of files, made safe for every file system."""

import re
import unicodedata
from pathlib import PurePosixPath

from db_utils import without_format

from grpc_utils.errors import FormatInvalide
from grpc_utils.fields import required

_LONGEST = 255  # bytes, the limit of the usual file systems
_LONGEST_EXTENSION = 20  # bytes; a longer "extension" is a part of the name
_PATH = re.compile(r".*[/\\]", re.DOTALL)
_REFUSED = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*]')
# Devices of Windows, whatever their extension (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def file_name(given: str, champ: str = "nom_fichier") -> str:
    """*given* without a path, with signs that no file system takes as _, of 255 bytes at most.

    Raises ChampRequis, FormatInvalide.
    """
    required(given.strip(), champ)
    name = _REFUSED.sub("_", _PATH.sub("", without_format(given)))
    name = unicodedata.normalize("NFC", name).strip().rstrip(". ")
    if not name:  # nothing but a path, or dots
        raise FormatInvalide(champ=champ)
    if _DEVICE.match(name):
        name = f"_{name}"
    return _shortened(name)


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > _LONGEST_EXTENSION:
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: _LONGEST - len(suffix.encode())]
    return stem.decode(errors="ignore").rstrip() + suffix
