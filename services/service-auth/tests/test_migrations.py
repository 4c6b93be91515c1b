"""Migrations of auth on a database that is in use."""

from pathlib import Path
from shutil import copy

import psycopg
from db_utils.migrations import Schema, migrate
from service_auth.service import SERVICE
from service_testing import empty_database

_SCHEMA = "auth_en_service"
_FORMER = """
INSERT INTO revocations_globales (utilisateur_id, avant) VALUES ('jeanne', '2026-01-02 03:04:05Z')
ON CONFLICT (utilisateur_id) DO UPDATE SET avant = greatest(revocations_globales.avant, excluded.avant);
INSERT INTO demandes_oauth
    (state_hash, code_verifier, nonce_hash, liaison_hash, redirect_uri, created_at, expire_le)
VALUES (gen_random_uuid()::text::bytea, '', '', '', '', now(), now());
"""
_NOW = "SELECT utilisateur_id, motif, revoque_le = avant, avant FROM revocations_globales"


def test_0002_keeps_what_was_there_and_lets_the_former_version_write(tmp_path: Path) -> None:
    """Former rows get the reason mot_de_passe, and the former version's statements still work."""
    url, (*shared, own) = empty_database(), SERVICE.schema.folders
    former = tmp_path / "migrations"
    former.mkdir()
    copy(own / "0001_auth.py", former)
    migrate(url, [Schema(_SCHEMA, (*shared, former))])
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={_SCHEMA}") as connection:
        connection.execute(_FORMER)
        migrate(url, [Schema(_SCHEMA, (*shared, own))])
        row = connection.execute(_NOW).fetchone()
        connection.execute(_FORMER)
        again = connection.execute(_NOW).fetchone()
        count = connection.execute("SELECT count(*) FROM demandes_oauth WHERE organisation = ''")
        assert (row, count.fetchone()) == (again, (2,))
    assert row is not None
    assert row[:3] == ("jeanne", "mot_de_passe", True)
