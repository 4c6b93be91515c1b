"""Migrations on a database that the former version has filled."""

from pathlib import Path
from shutil import copy

import psycopg
from db_utils.migrations import Schema, migrate
from service_testing.servers import fresh_database
from service_users.service import SERVICE

_CONFLICTS = """
INSERT INTO webhooks_recus (id, fournisseur, cle, type, sujet, recu_le, resultat, tentatives, charge_utile)
VALUES (gen_random_uuid(), 'kinde', '1', 'user.created', 'kp_1', now(), 'CONFLIT', 0, '{}'),
       (gen_random_uuid(), 'kinde', '2', 'user.created', 'kp_2', now(), 'TRAITE', 0, '{}');
INSERT INTO utilisateurs (id, nom, prenom, email, email_verifie, actif, type_utilisateur, applications,
                          nombre_connexions, source_creation, suspendu_par_fournisseur, updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', '', '', 'a@exemple.fr', true, true, 'UTILISATEUR', '{}', 0,
        'local', false, now());
INSERT INTO conflits_identite (id, fournisseur, sujet, email, utilisateur_existant_id, motif, created_at)
VALUES (gen_random_uuid(), 'kinde', 'kp_1', 'a@exemple.fr', '00000000-0000-7000-8000-000000000001',
        'AUTRE_SUJET', now())
"""


def test_R32_conflicts_of_the_former_version_are_looked_at_again(tmp_path: Path) -> None:
    """Webhooks in conflict get the address of their conflict and become due; accounts are not changed."""
    own = SERVICE.folder / "migrations"
    former = tmp_path / "migrations"
    former.mkdir()
    copy(own / "0001_users.py", former)
    *shared, _ = SERVICE.schema.folders
    url = fresh_database(SERVICE)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP SCHEMA users CASCADE")
        migrate(url, [Schema("users", (*shared, former))])
        owner.execute("SET search_path = users")
        owner.execute(_CONFLICTS)
        migrate(url, [SERVICE.schema])
        rows = owner.execute(
            "SELECT cle, charge_utile, prochain_essai <= now() FROM webhooks_recus ORDER BY cle"
        ).fetchall()
        people = owner.execute("SELECT email, email_en_attente, jetons_depuis FROM utilisateurs").fetchall()
    assert rows == [("1", {"email": "a@exemple.fr"}, True), ("2", {}, None)]
    assert people == [("a@exemple.fr", None, None)]
