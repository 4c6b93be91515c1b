"""CSV files: what is read of them, and what is wrong with them (R23), as pure functions."""

import pytest
from grpc_utils.errors import InvalidArgument
from service_calendar import csv_files
from service_calendar.csv_lines import KINDS, rows_of, unknown_zones
from service_calendar.models import DebitConfiguration, Holiday

CONFIG, HOLIDAYS = KINDS["DEBIT_CONFIG"], KINDS["HOLIDAYS"]
HEADER = "niveau;reference_id;mode;batch;fixed_day;shift_strategy;zone_code\n"
DAYS = "zone_code;date;nom;type;recurrent\n"
ZONES = ("FR", "FR-ALS")


def faults(kind: str, text: str) -> list[tuple[int, str, str, str]]:
    """What is wrong with a file: line, column, value, reason."""
    lines, found = csv_files.read(text.encode(), KINDS[kind].columns)
    rows, more = rows_of(KINDS[kind], "org", lines)
    more += unknown_zones(rows, ZONES)
    return [(one.line, one.column, one.value, one.refusal.reason) for one in (*found, *more)]


def rows(kind: str, content: bytes) -> dict[int, DebitConfiguration | Holiday]:
    """The rows of a file that is right, by line."""
    lines, found = csv_files.read(content, KINDS[kind].columns)
    read, more = rows_of(KINDS[kind], "org", lines)
    assert not [*found, *more]
    return read


@pytest.mark.parametrize(
    "content",
    [
        b"zone_code;date;nom;type;recurrent\nFR;2026-07-10;Pont;COMPANY;true\n",
        b"zone_code,date,nom,type,recurrent\r\nFR,10/07/2026,Pont,COMPANY,oui\r\n",
        b"\xef\xbb\xbfrecurrent;nom;zone_code;TYPE; date \n1;Pont;FR;COMPANY;2026-07-10",
        b'zone_code;date;nom;type;recurrent\n\n"FR";"2026-07-10";" Pont ";"COMPANY";VRAI\n\n',
    ],
    ids=["semicolons", "commas and CRLF", "byte order mark, another order", "quotes and blank lines"],
)
def test_R23_the_same_file_in_many_spellings(content: bytes) -> None:
    """Separators, ends of lines, order of columns, ways to write a day and a yes."""
    (row,) = rows("HOLIDAYS", content).values()
    assert isinstance(row, Holiday)
    assert (row.zone_code, row.date.isoformat(), row.nom, row.type, row.recurrent) == (
        "FR",
        "2026-07-10",
        "Pont",
        "COMPANY",
        True,
    )


def test_R23_a_configuration_is_what_a_save_would_make() -> None:
    """Lines are counted from the header, which is 1, also over blank lines and cells of many lines."""
    content = HEADER + 'SOCIETE;soc-1;FIXED_DAY;;5;;FR-ALS\n\nCLIENT;c-9;BATCH;L2;;NEXT_BUSINESS_DAY;""\n'
    read = rows("DEBIT_CONFIG", content.encode())
    assert list(read) == [2, 4]
    first, second = read.values()
    assert (CONFIG.key_of(first), CONFIG.content_of(first)) == (
        ("SOCIETE", "soc-1"),
        {"mode": "FIXED_DAY", "batch": None, "fixed_day": 5, "shift_strategy": None, "zone_code": "FR-ALS"},
    )
    assert CONFIG.content_of(second)["batch"] == "L2"


@pytest.mark.parametrize(
    ("line", "column", "value", "reason"),
    [
        ("SOCIETE;soc-1;BATCH;;;;", "batch", "", "BATCH_REQUIRED"),
        ("SOCIETE;soc-1;FIXED_DAY;;31;;", "fixed_day", "31", "FIXED_DAY_OUT_OF_RANGE"),
        ("SOCIETE;soc-1;FIXED_DAY;;cinq;;", "fixed_day", "cinq", "FORMAT_INVALIDE"),
        ("SOCIETE;soc-1;FIXED_DAY;L1;5;;", "batch", "L1", "CHAMP_INCOMPATIBLE"),
        ("SOCIETE;soc-1;AUTRE;;5;;", "mode", "AUTRE", "INVALID_MODE"),
        ("SOCIETE;soc-1;FIXED_DAY;;5;SKIP;", "shift_strategy", "SKIP", "INVALID_SHIFT_STRATEGY"),
        ("SOCIETE;soc-1;FIXED_DAY;;5;;XX", "zone_code", "XX", "HOLIDAY_ZONE_NOT_FOUND"),
        ("SOCIETE;;FIXED_DAY;;5;;", "reference_id", "", "CHAMP_REQUIS"),
        ("GROUPE;g;FIXED_DAY;;5;;", "niveau", "GROUPE", "VALEUR_INCONNUE"),
        ("SOCIETE;soc-1;FIXED_DAY", "", "3", "NOMBRE_DE_COLONNES"),
        ("SOCIETE;soc\x07;FIXED_DAY;;5;;", "reference_id", "soc\x07", "FORMAT_INVALIDE"),
    ],
)
def test_R23_a_line_gets_the_refusal_of_a_call(line: str, column: str, value: str, reason: str) -> None:
    """With its number, its column and its value; the next line is not concerned."""
    found = faults("DEBIT_CONFIG", f"{HEADER}{line}\nCLIENT;c-9;BATCH;L2;;;\n")
    assert found == [(2, column, value, reason)]


@pytest.mark.parametrize(
    ("line", "column", "value", "reason"),
    [
        ("FR;2026-02-30;Pont;;", "date", "2026-02-30", "DATE_INVALIDE"),
        ("FR;30/02/2026;Pont;;", "date", "30/02/2026", "DATE_INVALIDE"),
        ("FR;1/2/2026;Pont;;", "date", "1/2/2026", "DATE_INVALIDE"),
        ("FR;;Pont;;", "date", "", "CHAMP_REQUIS"),
        ("FR;2026-07-10;;;", "nom", "", "CHAMP_REQUIS"),
        ("FR;2026-07-10;Pont;AUTRE;", "type", "AUTRE", "VALEUR_INCONNUE"),
        ("F\u200bR;2026-02-30;Pont;;", "date", "2026-02-30", "DATE_INVALIDE"),
        ("FR;2026-07-10;Pont;;peut-être", "recurrent", "peut-être", "FORMAT_INVALIDE"),
        ("XX;2026-07-10;Pont;;", "zone_code", "XX", "HOLIDAY_ZONE_NOT_FOUND"),
        (";2026-07-10;Pont;;", "zone_code", "", "CHAMP_REQUIS"),
    ],
)
def test_R23_a_holiday_gets_the_refusal_of_a_call(line: str, column: str, value: str, reason: str) -> None:
    """Days are checked in both spellings."""
    assert faults("HOLIDAYS", f"{DAYS}{line}\n") == [(2, column, value, reason)]


def test_R23_a_row_stands_in_a_file_once() -> None:
    """The second line about it is at fault."""
    text = f"{DAYS}FR;2026-07-10;Pont;;\nFR-ALS;2026-07-10;Pont;;\nFR;10/07/2026;Autre;;\n"
    assert faults("HOLIDAYS", text) == [(4, "date", "10/07/2026", "LIGNE_REPETEE")]


def test_R23_the_header_has_exactly_these_columns() -> None:
    """Missing, unknown and repeated ones are faults of line 1, and nothing else is read."""
    assert faults("HOLIDAYS", "zone_code;date;date;jour;type;recurrent\nFR;x;y;z;;\n") == [
        (1, "nom", "", "COLONNE_MANQUANTE"),
        (1, "date", "date", "COLONNE_INCONNUE"),
        (1, "date", "date", "COLONNE_INCONNUE"),
        (1, "jour", "jour", "COLONNE_INCONNUE"),
    ]
    assert [fault[3] for fault in faults("HOLIDAYS", "\n")] == ["COLONNE_MANQUANTE"] * 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DAYS.encode() + b"FR;2026-07-10;Fermeture d'\xe9t\xe9;;\n", "FORMAT_INVALIDE"),
        (DAYS.encode() + b'FR;2026-07-10;"Pont;;\n', "FORMAT_INVALIDE"),
        (b"x" * (csv_files.LONGEST_FILE + 1), "TROP_LONG"),
        (DAYS.encode() + b"FR;2026-07-10;Pont;;\n" * 10_001, "TROP_D_ENTREES"),
    ],
    ids=["not UTF-8", "an open quote", "2 MiB and a byte", "10,001 lines"],
)
def test_R23_what_is_no_such_file_is_refused(content: bytes, reason: str) -> None:
    """As a whole, about the field content."""
    with pytest.raises(InvalidArgument) as refused:
        csv_files.read(content, HOLIDAYS.columns)
    assert (refused.value.reason, refused.value.metadata["champ"]) == (reason, "content")


def test_R23_ten_thousand_lines_are_read() -> None:
    """The most that a file may have."""
    lines = "".join(f"CONTRAT;k-{n};BATCH;L1;;;\n" for n in range(10_000))
    read, found = csv_files.read((HEADER + lines).encode(), CONFIG.columns)
    assert (len(read), found) == (10_000, [])
