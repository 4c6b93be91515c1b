"""Rows of other organisations and deleted rows are invisible to every kind of statement."""

from typing import Any, NamedTuple

import psycopg
import pytest
from db_utils import Database, Listing, PageRequest, Reader
from db_utils.context import EVERYTHING, NOTHING, Scope
from sqlalchemy import (
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import aliased
from tests.essais import Fiche, Modele, Piece, Reglage, fiche, seen_by


class World(NamedTuple):
    """Two organisations, each with a living and a deleted row that have parts of both organisations."""

    mine: str
    theirs: str
    visible: Fiche
    deleted: Fiche
    foreign: Fiche


@pytest.fixture
async def world(database: Database, org: str) -> World:
    """The rows, whose `nom` or `libelle` says what they are."""
    mine, theirs = org, f"{org}-autre"
    visible, deleted, foreign = (
        fiche(mine, nom="visible"),
        fiche(mine, nom="deleted"),
        fiche(theirs, nom="foreign"),
    )
    gone = Piece(organisation_id=mine, fiche_id=visible.id, libelle="deleted")
    async with database.transaction() as tx:
        for row in (visible, deleted, foreign, gone):
            await tx.insert(row)
        for parent in (visible, foreign):
            await tx.insert(Piece(organisation_id=mine, fiche_id=parent.id, libelle="visible"))
            await tx.insert(Piece(organisation_id=theirs, fiche_id=parent.id, libelle="foreign"))
    async with database.transaction() as tx:
        await tx.delete(deleted)
        await tx.delete(gone)
    return World(mine, theirs, visible, deleted, foreign)


Other = aliased(Fiche)
Part = aliased(Piece)
_MINE = Fiche.organisation_id.like(bindparam("like"))
_TABLE = Fiche.__table__.alias()
_PARTS = select(func.string_agg(Piece.libelle, literal(","))).where(Piece.fiche_id == Fiche.id)
_SUB = select(Fiche.id, Fiche.nom, Fiche.organisation_id.label("o")).subquery()
_CTE = select(Fiche.id, Fiche.nom).where(_MINE).cte("anciennes")

# Each reads what stands in the texts of the rows; `like` matches both organisations of a test.
READS: dict[str, Any] = {
    "select": select(Fiche.nom).where(_MINE),
    "core table": select(Fiche.__table__.c.nom).where(_MINE),
    "alias": select(Other.nom).where(Other.organisation_id.like(bindparam("like"))),
    "core alias": select(_TABLE.c.nom).where(_TABLE.c.organisation_id.like(bindparam("like"))),
    "join": select(Fiche.nom + Piece.libelle).join(Piece, Piece.fiche_id == Fiche.id).where(_MINE),
    "join by where": select(Fiche.nom + Piece.libelle).where(Piece.fiche_id == Fiche.id, _MINE),
    "join with alias": select(Fiche.nom + Part.libelle).join(Part, Part.fiche_id == Fiche.id).where(_MINE),
    "outer join": select(Fiche.nom + func.coalesce(Piece.libelle, ""))
    .outerjoin(Piece, Piece.fiche_id == Fiche.id)
    .where(_MINE),
    "outer join of aliases": select(Other.nom + func.coalesce(Part.libelle, ""))
    .outerjoin(Part, Part.fiche_id == Other.id)
    .where(Other.organisation_id.like(bindparam("like"))),
    "nested outer join": select(Fiche.nom + func.coalesce(Piece.libelle, "") + func.coalesce(Other.nom, ""))
    .outerjoin(Piece, Piece.fiche_id == Fiche.id)
    .outerjoin(Other, Other.id == Piece.fiche_id)
    .where(_MINE),
    "subquery": select(_SUB.c.nom).where(_SUB.c.o.like(bindparam("like"))),
    "cte": select(_CTE.c.nom),
    "scalar subquery": select(Fiche.nom + func.coalesce(_PARTS.scalar_subquery(), "")).where(_MINE),
    "exists": select(Fiche.nom).where(
        _MINE, exists().where(Piece.fiche_id == Fiche.id, Piece.libelle != "visible")
    ),
    "in a subquery": select(Fiche.nom).where(Fiche.id.in_(select(Piece.fiche_id)), _MINE),
    "union": union_all(select(Fiche.nom).where(_MINE), select(Fiche.nom).where(_MINE, Fiche.rang == 0)),
    "for update": select(Fiche.nom).where(_MINE).with_for_update(),
    "distinct": select(Fiche.nom).where(_MINE).distinct(),
    "group": select(func.min(Fiche.nom)).where(_MINE).group_by(Fiche.organisation_id),
}


@pytest.mark.parametrize("name", READS)
async def test_no_statement_reads_another_organisations_or_a_deleted_row(
    database: Database, world: World, name: str
) -> None:
    """In every form of SELECT, inside and outside a transaction."""
    with seen_by(Scope(world.mine)):
        found = await database.read().all(READS[name], like=f"{world.mine}%")
        async with database.transaction() as tx:
            assert found == await tx.all(READS[name], like=f"{world.mine}%")
    story = " ".join(found)
    assert "foreign" not in story
    assert "deleted" not in story
    assert ("visible" in story) == (name != "exists")


@pytest.mark.parametrize("name", READS)
async def test_without_a_scope_everything_but_deleted_rows_is_read(
    database: Database, world: World, name: str
) -> None:
    """As for jobs and consumers."""
    story = " ".join(await database.read().all(READS[name], like=f"{world.mine}%"))
    assert "deleted" not in story
    assert "foreign" in story


@pytest.mark.parametrize("name", READS)
async def test_without_an_organisation_nothing_is_read(database: Database, world: World, name: str) -> None:
    """The answers are empty."""
    with seen_by(NOTHING):
        assert await database.read().all(READS[name], like=f"{world.mine}%") == []


async def test_the_optional_side_of_an_outer_join_stays_optional(database: Database, org: str) -> None:
    """A row without visible parts is still read."""
    rows = [fiche(org, nom="a"), fiche(org, nom="b")]
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)
        await tx.insert(Piece(organisation_id=f"{org}-autre", fiche_id=rows[0].id))
    pairs: Any = select(Fiche, Piece).outerjoin(Piece, Piece.fiche_id == Fiche.id).order_by(Fiche.nom)
    with seen_by(Scope(org)):
        found = await database.read().all(pairs)
    assert [(parent.nom, part) for parent, part in found] == [("a", None), ("b", None)]


async def _get(reader: Reader, row: Fiche) -> bool:
    return await reader.get(Fiche, row.id) is not None


async def _get_by_text(reader: Reader, row: Fiche) -> bool:
    return await reader.get(Fiche, str(row.id)) is not None


async def _get_with(reader: Reader, row: Fiche) -> bool:
    return await reader.get_with(Fiche, row.id, Piece.fiche_id) is not None


async def _one(reader: Reader, row: Fiche) -> bool:
    return await reader.one(select(Fiche).where(Fiche.id == row.id)) is not None


async def _page(reader: Reader, row: Fiche) -> bool:
    listing = Listing(Fiche, sorts=("code",), filters=("code",))
    page = await listing.page(reader, PageRequest(with_total=True), code=row.code)
    assert page.total == len(page.rows)
    return bool(page.rows)


@pytest.mark.parametrize("path", [_get, _get_by_text, _get_with, _one, _page])
async def test_C06_every_way_to_a_row_ends_at_the_organisation(
    database: Database, world: World, path: Any
) -> None:
    """A living row is seen by its organisation and by jobs only, a deleted one by nobody."""
    scopes = [Scope(world.mine), Scope(world.theirs), EVERYTHING, NOTHING, Scope("")]
    seen: dict[str, list[bool]] = {}
    for name, row in (("visible", world.visible), ("foreign", world.foreign), ("deleted", world.deleted)):
        seen[name] = []
        for scope in scopes:
            with seen_by(scope):
                seen[name].append(await path(database.read(), row))
    assert seen == {
        "visible": [True, False, True, False, False],
        "foreign": [False, True, True, False, False],
        "deleted": [False] * 5,
    }


async def test_a_locking_get_ends_at_the_organisation_too(database: Database, world: World) -> None:
    """So that Update and Delete of a foreign row find nothing."""
    with seen_by(Scope(world.theirs)):
        async with database.transaction() as tx:
            assert await tx.get(Fiche, world.visible.id, lock=True) is None


async def test_parts_of_a_row_are_filtered_as_well(database: Database, world: World) -> None:
    """`get_with` leaves out foreign and deleted parts."""
    with seen_by(Scope(world.mine)):
        found = await database.read().get_with(Fiche, world.visible.id, Piece.fiche_id)
    assert found is not None
    assert [part.libelle for part in found[1]] == ["visible"]


_CHANGES: dict[str, Any] = {
    "update": update(Fiche).where(_MINE).values(note="x"),
    "update from": update(Fiche)
    .where(_MINE, Piece.fiche_id == Fiche.id, Piece.libelle == "foreign")
    .values(note="x"),
    "update by subquery": update(Fiche)
    .where(_MINE, Fiche.id.in_(select(Piece.fiche_id).where(Piece.libelle == "foreign")))
    .values(note="x"),
    "delete": delete(Piece).where(Piece.organisation_id.like(bindparam("like"))),
    "delete using": delete(Piece).where(Piece.fiche_id == Fiche.id, _MINE),
}


@pytest.mark.parametrize(
    ("name", "touched"),
    [("update", 1), ("update from", 0), ("update by subquery", 0), ("delete", 2), ("delete using", 1)],
)
async def test_no_statement_changes_another_organisations_row(
    database: Database, world: World, owner: psycopg.Connection, name: str, touched: int
) -> None:
    """Nor does a foreign row in a subquery make it change a row."""
    before = owner.execute(_FOREIGN, (world.theirs, world.theirs)).fetchall()
    with seen_by(Scope(world.mine)):
        async with database.transaction() as tx:
            assert await tx.execute(_CHANGES[name], like=f"{world.mine}%") == touched
    assert owner.execute(_FOREIGN, (world.theirs, world.theirs)).fetchall() == before


_FOREIGN = """
SELECT id::text, coalesce(note, '') FROM fiches WHERE organisation_id = %s
UNION ALL SELECT id::text, libelle FROM pieces WHERE organisation_id = %s ORDER BY 1"""


@pytest.mark.parametrize("name", _CHANGES)
async def test_without_an_organisation_nothing_is_changed(
    database: Database, world: World, name: str
) -> None:
    """The number of rows is 0."""
    with seen_by(NOTHING):
        async with database.transaction() as tx:
            assert await tx.execute(_CHANGES[name], like=f"{world.mine}%") == 0


async def test_rows_of_the_system_belong_to_every_organisation(database: Database, org: str) -> None:
    """An organisation sees its own rows and those of the system; without one, none are seen."""
    async with database.transaction() as tx:
        for owner in (org, f"{org}-autre", None):
            await tx.insert(Modele(organisation_id=owner, nom=f"{org} {owner}"))
    names = select(Modele.nom).where(Modele.nom.startswith(org)).order_by(Modele.nom)
    with seen_by(Scope(org)):
        assert await database.read().all(names) == [f"{org} None", f"{org} {org}"]
        system = await database.read().one(select(Modele).where(Modele.nom == f"{org} None"))
        assert system is not None
        assert await database.read().get(Modele, system.id) is not None
    with seen_by(NOTHING):
        assert await database.read().all(names) == []
        assert await database.read().get(Modele, system.id) is None


async def test_tables_of_no_organisation_are_for_everybody(database: Database, org: str) -> None:
    """They can be read and written without an organisation, as a sign-in must."""
    with seen_by(NOTHING):
        async with database.transaction() as tx:
            await tx.insert(Reglage(domaine="d", cle=org, valeur="v"))
            assert await tx.execute(update(Reglage).where(Reglage.cle == org).values(valeur="w")) == 1
        assert await database.read().all(select(Reglage.valeur).where(Reglage.cle == org)) == ["w"]


async def test_one_statement_under_alternating_scopes_never_mixes_them(database: Database, org: str) -> None:
    """The compiled form is shared between organisations, its values are not."""
    organisations = [f"{org}-{number}" for number in range(5)]
    async with database.transaction() as tx:
        for one in organisations:
            await tx.insert(fiche(one, code="c", nom=one))
    statement = select(Fiche.nom).where(Fiche.code == "c", Fiche.nom.startswith(org))
    for one in [*organisations, *reversed(organisations)]:
        with seen_by(Scope(one)):
            assert await database.read().all(statement) == [one]
        assert sorted(await database.read().all(statement)) == organisations


async def test_the_scope_cannot_be_given_by_name(database: Database, world: World) -> None:
    """A caller's parameter with the name of the kernel's does not replace it."""
    with seen_by(Scope(world.mine)):
        found = await database.read().all(READS["select"], like=f"{world.mine}%", _organisation=world.theirs)
    assert found == ["visible"]
