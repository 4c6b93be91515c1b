"""Types of files that may be stored, recognised by their content (R4).

A file is stored when its extension names one of these types, its content is of that type, and the
declared type, if there is one, is the same. Archives are never unpacked.
"""

import codecs
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from email.parser import BytesHeaderParser
from typing import BinaryIO, Final

import puremagic
from grpc_utils import permitted
from grpc_utils.errors import InvalidArgument

from service_documents.noms import extension

HEAD = 1024  # bytes
_READ = 256 * 1024  # bytes at a time
_LARGEST_HEADERS = 256 * 1024  # bytes of a mail before its body
# Bytes of a zip's directory, enough for ten thousand entries: an office document has some dozens, and
# a directory takes many times its size in memory.
_LARGEST_DIRECTORY = 1024 * 1024
_END_OF_ZIP, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

# What begins so is no document, whatever it is called: programs, scripts, pages of HTML.
_PROGRAM = re.compile(rb"MZ[^\0]{0,62}\0|\x7fELF|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|\xce\xfa\xed\xfe|#!")
_MARKUP = re.compile(
    rb"(\xef\xbb\xbf)?\s*<(html|script|svg|!doctype|\?php|\?xml[^>]*>.*<(html|svg))", re.I | re.S
)


class TypeRefuse(InvalidArgument):
    """Ce type de fichier n'est pas admis, ou le contenu ne correspond pas au nom ou au type annoncé."""


def type_of(nom_fichier: str, declared: str, content: BinaryIO) -> str:
    """The type of *content*, which *nom_fichier* and *declared* ("" for none) must agree with.

    Raises TypeRefuse. Reads the file, in pieces, so it is called in a thread.
    """
    wanted = expected_type(nom_fichier, declared)
    content.seek(0)
    head = content.read(HEAD)
    if _PROGRAM.match(head) or _MARKUP.match(head) or not _TESTS[wanted](content, head):
        raise TypeRefuse(f"attendu : {wanted}", champ="nom_fichier", attendu=wanted)
    return wanted


def expected_type(nom_fichier: str, declared: str) -> str:
    """The type that the extension of *nom_fichier* stands for and *declared* does not contradict.

    Raises TypeRefuse.
    """
    wanted = TYPES.get(extension(nom_fichier))
    if wanted is None:
        raise TypeRefuse(*permitted(TYPES), champ="nom_fichier")
    said = declared.partition(";")[0].strip().lower()  # without parameters, such as a charset
    if said and said != wanted:
        raise TypeRefuse(f"attendu : {wanted}", champ="type_mime", attendu=wanted)
    return wanted


def _is_pdf(content: BinaryIO, head: bytes) -> bool:
    return b"%PDF-" in head


def _is_image(mime: str) -> "_Test":
    def test(content: BinaryIO, head: bytes) -> bool:
        try:
            best, *_ = puremagic.magic_string(head)
        except (puremagic.PureError, ValueError):  # nothing that puremagic knows
            return False
        return str(best.mime_type) == mime  # the others only have some bytes in common

    return test


def _is_zip(content: BinaryIO, head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", _END_OF_ZIP)) and _directory_size(content) is not None


def _directory_size(content: BinaryIO) -> int | None:
    """The size of a zip's directory, as its last record says; None when there is no such record."""
    size = content.seek(0, 2)
    content.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    tail = content.read()
    place = tail.rfind(_END_OF_ZIP)
    if place < 0 or len(tail) - place < _END_SIZE:
        return None
    return int(struct.unpack_from("<L", tail, place + 12)[0])


def _names(content: BinaryIO, head: bytes) -> list[str]:
    """The names in a zip, in the order of their contents; none when it is no zip or has too many."""
    if not _is_zip(content, head) or (_directory_size(content) or 0) > _LARGEST_DIRECTORY:
        return []
    try:
        with zipfile.ZipFile(content) as archive:
            return [entry.filename for entry in sorted(archive.infolist(), key=lambda one: one.header_offset)]
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError, ValueError, OSError):
        return []


def _is_ooxml(folder: str) -> "_Test":
    def test(content: BinaryIO, head: bytes) -> bool:
        names = _names(content, head)
        return (
            "[Content_Types].xml" in names
            and any(name.startswith(folder) for name in names)
            and not any(name.lower().endswith("vbaproject.bin") for name in names)
        )

    return test


def _is_odf(mime: str) -> "_Test":
    # The first entry is stored as it is, so that the type stands at a fixed place (OpenDocument 1.3,
    # part 2, section 3.3).
    signature = b"mimetype" + mime.encode() + b"PK"

    def test(content: BinaryIO, head: bytes) -> bool:
        return head[30:].startswith(signature) and _names(content, head)[:1] == ["mimetype"]

    return test


def _is_mail(content: BinaryIO, head: bytes) -> bool:
    content.seek(0)
    headers = BytesHeaderParser().parsebytes(content.read(_LARGEST_HEADERS))
    return bool(headers["From"]) and bool(headers["Date"])


def _is_text(content: BinaryIO, head: bytes) -> bool:
    """Whether it is UTF-8 without a NUL."""
    content.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := content.read(_READ):
            if b"\0" in block:
                return False
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_Test = Callable[[BinaryIO, bytes], bool]
TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "docx": f"{_OOXML}wordprocessingml.document",
    "xlsx": f"{_OOXML}spreadsheetml.sheet",
    "pptx": f"{_OOXML}presentationml.presentation",
    "odt": f"{_ODF}text",
    "ods": f"{_ODF}spreadsheet",
    "zip": "application/zip",
    "eml": "message/rfc822",
    "txt": "text/plain",
    "csv": "text/csv",
}
"""The types that may be stored, by extension."""

_TESTS: Final[Mapping[str, _Test]] = {
    "application/pdf": _is_pdf,
    **{mime: _is_image(mime) for mime in TYPES.values() if mime.startswith("image/")},
    TYPES["docx"]: _is_ooxml("word/"),
    TYPES["xlsx"]: _is_ooxml("xl/"),
    TYPES["pptx"]: _is_ooxml("ppt/"),
    TYPES["odt"]: _is_odf(TYPES["odt"]),
    TYPES["ods"]: _is_odf(TYPES["ods"]),
    "application/zip": _is_zip,
    "message/rfc822": _is_mail,
    "text/plain": _is_text,
    "text/csv": _is_text,
}
