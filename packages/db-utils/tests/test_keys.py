"""Text keys, which the kernel writes with their texts (C10)."""

from collections.abc import Callable

import psycopg
import pytest
from db_utils import Conflict, Database, Key, Searched, clock
from db_utils.keys import check_statement
from db_utils.rekeying import keyed_models, rekey
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ClauseElement
from tests.essais import Base, Demande, Fiche, Personne, Reglage, scoped

_KEYS = "SELECT nom_cle, recherche_cle FROM personnes WHERE organisation_id = %s"


def stored(owner: psycopg.Connection, org: str) -> tuple[str, bytes]:
    """The keys of the one person of *org*, as they are in the table."""
    row = owner.execute(_KEYS, (org,)).fetchone()
    assert row is not None
    return row


async def test_C10_an_insert_writes_the_keys(database: Database, owner: psycopg.Connection, org: str) -> None:
    """Empty for NULL; the instance has them at once."""
    async with database.transaction() as tx:
        row = await tx.insert(Personne(organisation_id=org, nom="Lefèvre", email="É@X.fr", e164="+331"))
        assert row.nom_cle == "lefevre"
    assert stored(owner, org) == ("lefevre", " +331 \né@x.fr\nlefevre".encode())


async def test_C10_an_insert_if_absent_writes_the_keys(
    database: Database, owner: psycopg.Connection, org: str
) -> None:
    """Like an ordinary insert."""
    async with database.transaction() as tx:
        assert await tx.insert_if_absent(Personne(organisation_id=org, nom="Œuf"))
    assert stored(owner, org) == ("oeuf", b"\n\noeuf")


async def test_C10_a_change_writes_the_keys_of_what_changes(
    database: Database, owner: psycopg.Connection, org: str
) -> None:
    """In the same statement; a change of other columns leaves the keys alone."""
    with scoped(org):
        async with database.transaction() as tx:
            row = await tx.insert(Personne(organisation_id=org, nom="Un", prenom="Zoé"))
            await tx.update(row, prenom="Zoë")
            assert (row.nom_cle, row.recherche_cle) == ("un", b"\n\nun zoe")
            await tx.update(row, nom="DEUX", prenom=None)
    assert stored(owner, org) == ("deux", b"\n\ndeux")


async def test_C10_rows_of_a_former_version_get_their_keys(
    database: Database, owner: psycopg.Connection, org: str
) -> None:
    """Rows that it has inserted or changed; their other columns stay."""
    started = clock.now()
    async with database.transaction() as tx:
        for nom in ("Élan", "Œuf", "Été"):
            await tx.insert(Personne(organisation_id=org, nom=nom))
    left = "UPDATE personnes SET nom_cle = %s, recherche_cle = '' WHERE organisation_id = %s AND nom = %s"
    owner.execute(left, ("", org, "Élan"))
    owner.execute(left, ("autre", org, "Œuf"))
    assert await rekey(database, Personne, clock.now()) == 0
    assert await rekey(database, Personne, started) == 2
    keys = "SELECT nom_cle, recherche_cle, version FROM personnes WHERE organisation_id = %s ORDER BY id"
    assert owner.execute(keys, (org,)).fetchall() == [
        ("elan", b"\n\nelan", 1),
        ("oeuf", b"\n\noeuf", 1),
        ("ete", b"\n\nete", 1),
    ]


async def test_C10_a_row_whose_key_is_taken_keeps_its_own(
    database: Database, owner: psycopg.Connection, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its id is logged, and the other rows are corrected."""
    started = clock.now()
    async with database.transaction() as tx:
        first = await tx.insert(Personne(organisation_id=org, nom="Élan"))
        other = await tx.insert(Personne(organisation_id=org, nom="Autre"))
    owner.execute("UPDATE personnes SET nom = 'ELAN' WHERE id = %s", (other.id,))
    owner.execute("UPDATE personnes SET recherche_cle = '' WHERE id = %s", (first.id,))
    assert await rekey(database, Personne, started) == 1
    assert str(other.id) in caplog.text
    kept = owner.execute("SELECT nom_cle FROM personnes WHERE id = %s", (other.id,)).fetchone()
    assert kept == ("autre",)


def test_C10_only_tables_with_keys_are_looked_through() -> None:
    """Among the tables of the given metadata."""
    assert keyed_models(Base.metadata) == [Demande, Personne]


async def test_C10_a_constraint_on_a_key_names_who_is_in_the_way(database: Database, org: str) -> None:
    """On insert and on change."""
    with scoped(org):
        async with database.transaction() as tx:
            first = await tx.insert(Personne(organisation_id=org, nom="Élan"))
            other = await tx.insert(Personne(organisation_id=org, nom="Autre"))
        with pytest.raises(Conflict) as inserted:
            async with database.transaction() as tx:
                await tx.insert(Personne(organisation_id=org, nom="ELAN"))
        with pytest.raises(Conflict) as changed:
            async with database.transaction() as tx:
                await tx.update(other, nom="elan")
    assert (inserted.value.existing_id, changed.value.existing_id) == (first.id, first.id)


@pytest.mark.parametrize(
    "statement",
    [
        update(Personne).values(nom="x"),
        update(Personne).values({Personne.prenom: bindparam("x")}),
        update(Personne).ordered_values((Personne.version, 2), (Personne.email, "x")),
        update(Personne).values(recherche_cle=b"x"),
        select(update(Personne).values(nom_cle="x").returning(Personne.id).cte("c").c.id),
        insert(Personne).values(nom="x"),
        upsert(Personne).values(nom="x").on_conflict_do_nothing(),
        insert(Personne).from_select(["nom"], select(Fiche.nom)),
    ],
)
async def test_a_statement_that_would_leave_a_key_behind_is_refused(
    database: Database, statement: ClauseElement
) -> None:
    """Texts with keys, and keys, are changed through rows only."""
    async with database.transaction() as tx:
        with pytest.raises(TypeError, match="are written with them"):
            await tx.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        update(Personne).values(version=2),
        update(Personne).values(email="x", recherche_cle=b""),
        update(Reglage).values(valeur="x"),
        insert(Reglage),
    ],
)
def test_statements_on_other_columns_are_free(statement: ClauseElement) -> None:
    """So are tables without keys, and statements that set a text together with its keys."""
    check_statement(statement)


async def test_a_key_is_not_given_by_hand(database: Database, org: str) -> None:
    """Neither for a new row nor in a change."""
    build: Callable[..., Personne] = Personne
    with pytest.raises(TypeError):
        build(organisation_id=org, nom="x", nom_cle="y")
    async with database.transaction() as tx:
        row = await tx.insert(Personne(organisation_id=org, nom="x"))
        with pytest.raises(TypeError, match="written by the kernel"):
            await tx.update(row, nom_cle="y")


def test_a_key_fits_into_an_index() -> None:
    """It is cut between two characters, however long the text is."""
    row = {"nom": "é" + "ﷺ" * 255}
    assert 515 < len(Key("nom").value(row).encode()) <= 520
    assert len(Searched(texts=("nom",) * 9).value(row)) == 1450
    assert Key("nom").value({"nom": "œ" * 255}) == "oe" * 255


async def test_a_rank_is_the_place_in_its_list(database: Database, org: str) -> None:
    """Written with its choice, and with each change of it."""
    async with database.transaction() as tx:
        row = await tx.insert(Demande(organisation_id=org, urgence="urgente"))
        assert row.urgence_rang == 2
        await tx.update(row, urgence="haute")
    with scoped(org):
        read = await database.read().get(Demande, row.id)
    assert read is not None
    assert (read.urgence, read.urgence_rang) == ("haute", 1)


def test_C10_a_long_key_is_cut_unless_it_is_whole() -> None:
    """Only a column that no index holds may have it."""
    row = {"texte": "œ" * 10_000}
    assert len(Searched(texts=("texte",)).value(row)) < 1450
    assert len(Searched(texts=("texte",), whole=True).value(row)) == 20_002
