"""Names of files, made safe."""

import pytest
from grpc_utils import file_name
from grpc_utils.errors import ChampRequis, FormatInvalide
from service_documents.noms import extension


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("Devis Été.pdf", "Devis Été.pdf"),
        ("../../etc/passwd", "passwd"),
        ("../../x.pdf", "x.pdf"),
        ("C:\\Users\\anne\\rib.pdf", "rib.pdf"),
        ("a\r\nb.pdf", "a__b.pdf"),
        ('a<b>:"|?*.pdf', "a_b______.pdf"),
        ("a\x00\x7f\x85.pdf", "a___.pdf"),
        ("E\u0301te\u0301.pdf", "Été.pdf"),
        ("  a.pdf ", "a.pdf"),
        ("a.pdf. .", "a.pdf"),
        ("facture\u202efdp.exe", "facturefdp.exe"),
        ("\ufeffa\u200b.pdf", "a.pdf"),
        ("CON", "_CON"),
        ("con.pdf", "_con.pdf"),
        ("lpt1.tar.pdf", "_lpt1.tar.pdf"),
        ("CONTRAT.pdf", "CONTRAT.pdf"),
        (".pdf", ".pdf"),
    ],
)
def test_R3_a_name_is_safe_everywhere(given: str, cleaned: str) -> None:
    """Without a path, and with _ for what no file system takes; cleaning again changes nothing."""
    assert file_name(given) == cleaned == file_name(cleaned)


@pytest.mark.parametrize("given", [".", "..", "a/", "a/..", "..\\.", "...", " . ", "\u200b"])
def test_R3_what_is_no_name_is_refused(given: str) -> None:
    """The refusal names the field."""
    with pytest.raises(FormatInvalide) as refused:
        file_name(given)
    assert refused.value.metadata == {"champ": "nom_fichier"}


@pytest.mark.parametrize("given", ["", "  ", "\t\n"])
def test_R3_a_name_is_required(given: str) -> None:
    """Nothing but spaces is none."""
    with pytest.raises(ChampRequis):
        file_name(given)


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("x" * 251 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("é" * 150 + ".pdf", "é" * 125 + ".pdf"),
        ("\U0001f600" * 70 + ".PDF", "\U0001f600" * 62 + ".PDF"),
        ("x" * 300, "x" * 255),
        ("a." + "x" * 300, "a." + "x" * 253),
    ],
)
def test_R3_a_long_name_keeps_its_extension(given: str, cleaned: str) -> None:
    """In 255 bytes, and no sign is cut in two."""
    assert file_name(given) == cleaned
    assert len(cleaned.encode()) <= 255


@pytest.mark.parametrize(
    ("name", "found"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("a", ""), (".pdf", ""), ("a.", "")]
)
def test_R4_the_extension_is_what_follows_the_last_dot(name: str, found: str) -> None:
    """In lower case."""
    assert extension(name) == found
