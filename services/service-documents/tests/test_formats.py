"""Types of files: what may be stored, and what only says that it may."""

import io

import pytest
from service_documents import formats
from service_documents.formats import TYPES, TypeRefuse, type_of

from tests import piece_contents as some

CONTENTS = {
    "pdf": some.PDF,
    "png": some.PNG,
    "jpg": some.JPEG,
    "jpeg": some.JPEG,
    "webp": some.WEBP,
    "gif": some.GIF,
    "docx": some.office("word"),
    "xlsx": some.office("xl"),
    "pptx": some.office("ppt"),
    "odt": some.open_document("text"),
    "ods": some.open_document("spreadsheet"),
    "zip": some.zipped("a.exe", "../b"),
    "eml": some.EML,
    "txt": "\ufeffDéjà vu\n".encode(),
    "csv": b"nom;prenom\r\nMartin;Anne\r\n",
}
# Contents that are of another type than their extension says.
SIMILAR = {("jpg", "jpeg"), ("jpeg", "jpg"), ("txt", "csv"), ("csv", "txt"), ("txt", "eml"), ("csv", "eml")}


def read(name: str, content: bytes, declared: str = "") -> str:
    """The type of *content* under *name*. Raises TypeRefuse."""
    return type_of(name, declared, io.BytesIO(content))


@pytest.mark.parametrize("kind", TYPES)
def test_R4_every_type_is_recognised(kind: str) -> None:
    """By its content, under its extension in any case, with or without the type declared."""
    for declared in ("", TYPES[kind], f"{TYPES[kind].upper()}; charset=utf-8"):
        assert read(f"a.{kind.upper()}", CONTENTS[kind], declared) == TYPES[kind]


def test_R4_the_table_is_complete() -> None:
    """No other extension is known."""
    assert TYPES.keys() == CONTENTS.keys()


@pytest.mark.parametrize("kind", TYPES)
def test_R4_a_content_fits_no_other_extension(kind: str) -> None:
    """But for those of the same type, a mail read as the text that it is, and office documents as zips."""
    zips = {"docx", "xlsx", "pptx", "odt", "ods"}
    for other, content in CONTENTS.items():
        if other == kind or (kind, other) in SIMILAR or (kind == "zip" and other in zips):
            assert read(f"a.{kind}", content) == TYPES[kind]
        else:
            with pytest.raises(TypeRefuse):
                read(f"a.{kind}", content)


@pytest.mark.parametrize(
    ("name", "content", "declared"),
    [
        ("facture.pdf", some.PROGRAM, ""),
        ("facture.pdf", some.PROGRAM + some.PDF, "application/pdf"),
        ("a.txt", some.PROGRAM, ""),
        ("a.txt", some.PAGE, "text/plain"),
        ("a.txt", b"\xef\xbb\xbf\n<HTML>", "text/plain"),
        ("a.csv", b"<script>alert(1)</script>", ""),
        ("a.txt", b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        ("a.txt", b"<?xml version='1.0'?>\n<!-- dessin -->\n<svg/>", ""),
        ("a.txt", b"#!/bin/sh\nrm -r .\n", ""),
        ("a.txt", b"<?php echo 1;", ""),
        ("a.pdf", some.PAGE + some.PDF, ""),
        ("a.eml", b"#!/bin/sh\n" + some.EML, ""),
        ("a.txt", b"abc\0def", ""),
        ("a.txt", b"caf\xe9", ""),
        ("a.txt", b"\xff\xfea\0", ""),
        ("a.txt", "été".encode()[:-1], ""),
        ("a.pdf", b" " * 1020 + some.PDF, ""),
        ("a.docx", some.zipped("a.txt"), ""),
        ("a.docx", some.zipped("[Content_Types].xml", "a.txt"), ""),
        ("a.docx", some.zipped("word/document.xml"), ""),
        ("a.docx", some.office("xl"), ""),
        ("a.docx", some.office("word", "word/vbaProject.bin"), ""),
        ("a.xlsx", some.office("xl", "xl/VBAPROJECT.BIN"), ""),
        ("a.docx", some.office("word")[:-30], ""),
        ("a.docx", b"PK\x03\x04" + bytes(100), ""),
        ("a.odt", some.open_document("spreadsheet"), ""),
        ("a.odt", some.open_document("text-template"), ""),
        ("a.odt", some.zipped("content.xml"), ""),
        ("a.zip", some.PROGRAM + some.zipped("a"), ""),
        ("a.zip", b"PK\x03\x04" + bytes(100), ""),
        ("a.eml", b"Subject: a\r\n\r\nb", ""),
        ("a.eml", b"From: a@b.fr\r\n\r\nDate: aujourd'hui\r\n", ""),
        ("a.webp", some.WEBP.replace(b"WEBPVP8 ", b"WAVEfmt "), ""),
        ("a.webp", some.WEBP.replace(b"WEBPVP8 ", b"AVI LIST"), ""),
        ("a.png", b"x", ""),
        ("a.exe", some.PROGRAM, ""),
        ("a.html", some.PAGE, "text/html"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("a", some.PDF, "application/pdf"),
        ("a.pdf", some.PDF, "image/png"),
        ("a.txt", b"abc", "text/csv"),
        ("a.pdf", some.PDF, "application/octet-stream"),
    ],
)
def test_R4_what_only_looks_right_is_refused(name: str, content: bytes, declared: str) -> None:
    """Programs, scripts and pages whatever they are called, and what is not of the type that is said."""
    with pytest.raises(TypeRefuse):
        read(name, content, declared)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"\xef\xbb\xbf\n" + some.PDF),
        ("a.pdf", b" " * 1019 + some.PDF),
        ("a.txt", b"MZ est une abreviation\n" * 20),
        ("a.txt", b"1 < 2 et <b>gras</b>"),
        ("a.txt", b"\xc3\xa9" * 300_000),
        ("a.zip", b"PK\x05\x06" + bytes(18)),
        ("a.eml", b"Received: x\r\n" * 50 + some.EML),
    ],
)
def test_R4_what_is_unusual_is_accepted(name: str, content: bytes) -> None:
    """Leading bytes before a PDF, two letters that begin programs too, an empty zip."""
    assert read(name, content) == TYPES[name.partition(".")[2]]


def test_R4_a_directory_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An office document with more entries than any has is refused before they are in memory."""
    monkeypatch.setattr(formats, "_LARGEST_DIRECTORY", 500)
    many = some.office("word", *(f"word/{number}.xml" for number in range(50)))
    with pytest.raises(TypeRefuse):
        read("a.docx", many)
    assert read("a.zip", many) == TYPES["zip"]
