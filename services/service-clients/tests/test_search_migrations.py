"""Migration 0007 on tables with rows: the keys that searches and sorts use."""

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from service_clients.service import SERVICE
from service_testing import Upgrade

_INSERT = """
    INSERT INTO client_bases (id, type_client, nom, prenom, nom_cle, compte_code, telephone_e164,
                              telephone_national, email, statut, date_creation, created_at, updated_at,
                              organisation_id)
    VALUES (%s, 'PARTICULIER', %s, %s, %s, %s, %s, %s, %s, 'ACTIF', now(), now(), now(), 'org-1')
"""
_PHONE = "+33612345678"


def add(connection: psycopg.Connection, number: int, nom: str, former: str, **values: str) -> UUID:
    """Insert client *number* of org-1 as a former version stored it."""
    identity = UUID(int=number)
    phone = values.get("telephone")
    given = (values.get("prenom", ""), former, f"C{number}", phone, phone and f"0{phone[3:]}")
    connection.execute(_INSERT, (identity, nom, *given, values.get("email")))
    return identity


def keys(connection: psycopg.Connection) -> dict[int, tuple[Any, ...]]:
    """Names and keys of all clients, by number."""
    rows = connection.execute("SELECT id, nom, nom_cle, prenom_cle, recherche_cle FROM client_bases")
    return {row[0].int: row[1:] for row in rows}


def test_C10_stored_clients_get_their_keys(tmp_path: Path) -> None:
    """Format characters leave stored names; a name of nothing else stays."""
    with Upgrade(SERVICE, "0006", tmp_path) as clients:
        add(clients.connection, 1, "Œuvre", "œuvre", prenom="\u200bÉlodie", email="é@x.fr", telephone=_PHONE)
        add(clients.connection, 2, "Mar\u200btin\ufeff", "mar\u200btin\ufeff")
        add(clients.connection, 3, "\u200b", "\u200b")
        clients.run()
        assert keys(clients.connection) == {
            1: ("Œuvre", "oeuvre", "elodie", f" {_PHONE}  0612345678 \né@x.fr\noeuvre elodie".encode()),
            2: ("Martin", "martin", "", b"\n\nmartin"),
            3: ("\u200b", "", "", b"\n\n"),
        }


def test_C10_stored_companies_get_their_keys(tmp_path: Path) -> None:
    """Company sheets get the keys of their names."""
    with Upgrade(SERVICE, "0006", tmp_path) as clients:
        clients.connection.execute(
            "INSERT INTO client_entreprises (id, raison_sociale, siren, updated_at, organisation_id)"
            " VALUES (gen_random_uuid(), %s, '552100554', now(), 'org-1')",
            ("L’Œuvre\u00ad",),
        )
        clients.run()
        found = clients.connection.execute(
            "SELECT raison_sociale, raison_sociale_cle, recherche_cle FROM client_entreprises"
        ).fetchall()
    assert found == [("L’Œuvre", "l'oeuvre", b"\n552100554\nl'oeuvre")]


def test_R03_a_client_that_would_collide_keeps_its_former_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of clients that would collide one gets the new key; the log names the others."""
    with Upgrade(SERVICE, "0006", tmp_path) as clients:
        for number, (nom, former, phone) in enumerate(
            (
                ("Œuvre", "œuvre", _PHONE),
                ("Oeuvre", "oeuvre", _PHONE),
                ("Mar\u200btin", "mar\u200btin", _PHONE),
                ("Martin\ufeff", "martin\ufeff", _PHONE),
                ("Cœur", "cœur", "+33600000000"),
            ),
            1,
        ):
            add(clients.connection, number, nom, former, telephone=phone)
        with caplog.at_level(logging.WARNING):
            clients.run()
        found = {number: row[:2] for number, row in keys(clients.connection).items()}
    assert found == {
        1: ("Œuvre", "œuvre"),
        2: ("Oeuvre", "oeuvre"),
        3: ("Martin", "martin"),
        4: ("Martin", "martin\ufeff"),
        5: ("Cœur", "coeur"),
    }
    assert sorted(message for message in caplog.messages if "keeps its former nom_cle" in message) == [
        f"client_bases {UUID(int=number)} keeps its former nom_cle: another row has it" for number in (1, 4)
    ]


def test_C10_every_stored_client_gets_its_keys(tmp_path: Path) -> None:
    """All batches are filled; rows that the former version adds meanwhile are stored without."""
    many = """
        INSERT INTO client_bases (id, type_client, nom, prenom, nom_cle, compte_code, statut, date_creation,
                                  updated_at, organisation_id)
        SELECT gen_random_uuid(), 'PARTICULIER', 'É' || n, '', 'é' || n, 'C' || n, 'ACTIF', now(), now(),
               'org-1'
        FROM generate_series(%s::int, %s::int) AS n
    """
    with Upgrade(SERVICE, "0006", tmp_path) as clients:
        clients.connection.execute(many, (1, 4001))
        clients.run()
        clients.connection.execute(many, (5001, 5001))
        found = clients.connection.execute(
            "SELECT nom_cle = 'e' || substr(nom, 2),"
            " recherche_cle = convert_to(E'\\n\\n' || nom_cle, 'UTF8'), count(*)"
            " FROM client_bases GROUP BY 1, 2 ORDER BY 3"
        ).fetchall()
    assert found == [(False, False, 1), (True, True, 4001)]
