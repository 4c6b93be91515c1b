"""Migrations 0003 and 0004 on tables with rows: what they correct, and what they leave."""

import logging
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from db_utils import uuid7
from db_utils.migrations import Schema, migrate
from psycopg.rows import dict_row
from service_clients import models
from service_testing import empty_database

FOLDER = Path(models.__file__).parent / "migrations"
CLIENT = """
INSERT INTO client_bases
    (id, updated_at, organisation_id, type_client, nom, prenom, nom_cle, compte_code, telephone,
     telephone_e164, statut, date_creation, supprime_le)
VALUES (%(id)s::uuid, now(), 'org-1', 'PARTICULIER', %(nom)s, '', %(nom_cle)s, %(id)s::text, %(telephone)s,
        %(e164)s, 'ACTIF', now(), %(supprime_le)s)
"""
SHEET = """
INSERT INTO client_entreprises (id, updated_at, organisation_id, raison_sociale, siren)
VALUES (gen_random_uuid(), now(), 'org-1', 'Danone', %s)
"""


class Stored(NamedTuple):
    """Columns of a client's phone."""

    typed: str | None
    e164: str | None
    national: str | None


class Before:
    """Schema migrated up to, and without, the migration named, to put rows into."""

    def __init__(self, folder: Path, migration: str) -> None:
        self.url, self.folder = empty_database(), folder
        self.migrate(migration)

    def run(self, statement: str, values: Any = None) -> list[dict[str, Any]]:
        """Execute *statement* and return its rows."""
        with psycopg.connect(self.url, row_factory=dict_row, options="-c search_path=avant") as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def add(
        self, telephone: str | None, e164: str | None, nom: str = "Hoarau", supprime_le: str | None = None
    ) -> str:
        """Insert a client as the former version stored it; returns its id."""
        identity = str(uuid7())
        name = {"nom": nom, "nom_cle": nom.lower()}
        phone = {"telephone": telephone, "e164": e164}
        self.run(CLIENT, {"id": identity, "supprime_le": supprime_le} | name | phone)
        return identity

    def migrate(self, end: str) -> None:
        """Run the migrations before the one named *end*."""
        for file in FOLDER.glob("0*.py"):
            if file.name < end:
                shutil.copy(file, self.folder)
        migrate(self.url, [Schema("avant", (self.folder,))])

    def phone(self, identity: str) -> Stored:
        """Read the phone columns of a client."""
        query = "SELECT telephone, telephone_e164, telephone_national FROM client_bases WHERE id = %s"
        return Stored(*self.run(query, (identity,))[0].values())


@pytest.fixture
def before_phones(tmp_path: Path) -> Before:
    """Schema before migration 0004, which reads phones again."""
    return Before(tmp_path, "0004")


def test_R05_the_migration_corrects_what_was_typed_overseas(before_phones: Before) -> None:
    """Numbers of territories get their country code, and all numbers their national form."""
    expected = {
        before_phones.add("0692 12 34 56", "+33692123456"): Stored(
            "0692 12 34 56", "+262692123456", "0692123456"
        ),
        before_phones.add("0596 60 12 34", "+33596601234", supprime_le="2026-01-01"): Stored(
            "0596 60 12 34", "+596596601234", "0596601234"
        ),
        before_phones.add("06 12 34 56 78", "+33612345678"): Stored(
            "06 12 34 56 78", "+33612345678", "0612345678"
        ),
        before_phones.add("+33692123457", "+33692123457"): Stored(
            "+33692123457", "+33692123457", "0692123457"
        ),
        before_phones.add("+32 470 12 34 56", "+32470123456"): Stored(
            "+32 470 12 34 56", "+32470123456", "0470123456"
        ),
        before_phones.add(None, None): Stored(None, None, None),
    }
    before_phones.migrate("0005")
    assert expected == {identity: before_phones.phone(identity) for identity in expected}


def test_R05_the_migration_keeps_a_number_that_is_refused_today(before_phones: Before) -> None:
    """A stored number that R5 refuses today stays as it is."""
    short = before_phones.add("06 12 34 56 7", "+3361234567")
    before_phones.migrate("0005")
    assert before_phones.phone(short) == Stored("06 12 34 56 7", "+3361234567", "61234567")


def test_R05_the_migration_makes_no_client_another_one(
    before_phones: Before, caplog: pytest.LogCaptureFixture
) -> None:
    """A number that would collide by R4 stays, and the id alone is logged."""
    before_phones.add("+262 692 12 34 56", "+262692123456")
    twice = before_phones.add("0692 12 34 56", "+33692123456")
    other = before_phones.add("0692 12 34 56", "+33692123456", nom="Payet")
    with caplog.at_level(logging.WARNING, "service_clients"):
        before_phones.migrate("0005")
    assert before_phones.phone(twice) == Stored("0692 12 34 56", "+33692123456", "0692123456")
    assert before_phones.phone(other).e164 == "+262692123456"
    (message,) = [record.getMessage() for record in caplog.records]
    assert (twice in message, "692123456" in message) == (True, False)


def test_R05_of_two_that_would_become_one_the_migration_corrects_the_first(before_phones: Before) -> None:
    """Of two clients that would collide the first gets the new number."""
    first = before_phones.add("0692 12 34 56", "+33692123456")
    second = before_phones.add("0692123456", "+33692123457")
    before_phones.migrate("0005")
    assert [before_phones.phone(client).e164 for client in (first, second)] == [
        "+262692123456",
        "+33692123457",
    ]


def test_R05_the_migration_reads_every_client(before_phones: Before) -> None:
    """Clients of several batches are all corrected."""
    before_phones.run(
        """
        INSERT INTO client_bases
            (id, updated_at, organisation_id, type_client, nom, prenom, nom_cle, compte_code, telephone,
             telephone_e164, statut, date_creation)
        SELECT gen_random_uuid(), now(), 'org-1', 'PARTICULIER', 'X', '', 'x', n, '069212' || n,
               '+3369212' || n, 'ACTIF', now() FROM generate_series(1000, 3100) AS n
        """
    )
    before_phones.migrate("0005")
    left = "SELECT count(*) FROM client_bases WHERE telephone_e164 <> '+262' || right(telephone, 9)"
    empty = "SELECT count(*) FROM client_bases WHERE telephone_national IS DISTINCT FROM telephone"
    assert before_phones.run(left) == before_phones.run(empty) == [{"count": 0}]


def test_R15_the_migration_makes_sheets_french(tmp_path: Path) -> None:
    """Sheets that exist, or that the former version writes meanwhile, get the country FR."""
    before = Before(tmp_path, "0003")
    before.run(SHEET, ("552032534",))
    before.migrate("0004")
    before.run(SHEET, ("418166096",))
    stored = before.run("SELECT pays, siren FROM client_entreprises ORDER BY siren")
    assert stored == [{"pays": "FR", "siren": "418166096"}, {"pays": "FR", "siren": "552032534"}]


@pytest.mark.parametrize(
    ("pays", "siren", "numero_tva", "constraint"),
    [
        ("FR", None, "FR90000012345", "ck_client_entreprises_siren"),
        ("PF", None, "X", "ck_client_entreprises_siren"),
        ("BE", "552032534", "BE0403170701", "ck_client_entreprises_siren"),
        ("BE", None, None, "ck_client_entreprises_identifiee"),
    ],
)
def test_R15_the_database_itself_refuses(
    sheets: Before, pays: str, siren: str | None, numero_tva: str | None, constraint: str
) -> None:
    """A French sheet without SIREN, a foreign one with it or without any number break a check."""
    statement = """
        INSERT INTO client_entreprises
            (id, updated_at, organisation_id, raison_sociale, pays, siren, numero_tva)
        VALUES (gen_random_uuid(), now(), 'org-1', 'X', %s, %s, %s)
    """
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        sheets.run(statement, (pays, siren, numero_tva))
    assert refused.value.diag.constraint_name == constraint


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Before:
    """Schema with the check constraints of migration 0003."""
    return Before(tmp_path_factory.mktemp("sheets"), "0004")
