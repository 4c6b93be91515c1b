"""Conflicts: what a refused write tells about the row that has the place already."""

from datetime import date
from uuid import UUID

import psycopg
import pytest
from db_utils import Conflict, Database, ReferenceViolation, StillReferenced, uuid7
from tests.essais import Courriel, Demande, Fiche, Periode, Piece, fiche, scoped


async def conflict_of(database: Database, *rows: Fiche | Piece | Courriel | Periode) -> tuple[str, object]:
    """The constraint and the existing id of the Conflict that inserting *rows* raises."""
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            for row in rows:
                await tx.insert(row)
    return refused.value.constraint, refused.value.existing_id


async def inserted(database: Database, *rows: Fiche | Piece | Courriel | Periode | Demande) -> UUID:
    """Insert *rows* and return the id of the first one."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)
    return rows[0].id


def courriel(org: str, demande_id: UUID) -> Courriel:
    """A row that points at a `Demande`."""
    return Courriel(organisation_id=org, adresse=f"{uuid7()}@exemple.fr", demande_id=demande_id)


async def test_the_occupant_of_a_partial_unique_index_is_named(database: Database, org: str) -> None:
    """When the insert is the only statement of its transaction."""
    existing = await inserted(database, fiche(org, code="A"))
    assert await conflict_of(database, fiche(org, code="A")) == ("uq_fiche_code", existing)


async def test_the_occupant_is_named_in_a_longer_transaction_too(database: Database, org: str) -> None:
    """When the insert travels in a pipeline with other statements."""
    existing = await inserted(database, fiche(org, code="A"))
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await tx.get(Fiche, existing)
            await tx.insert(fiche(org, code="A"))
    assert refused.value.existing_id == existing


async def test_the_occupant_is_named_when_the_error_surfaces_before_the_commit(
    database: Database, org: str
) -> None:
    """When `flush` raises it inside the block."""
    existing = await inserted(database, fiche(org, code="A"))
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await tx.insert(fiche(org, code="A"))
            await tx.flush()
            await tx.insert(fiche(org))
    assert refused.value.existing_id == existing


async def test_an_update_into_an_occupied_place_names_the_occupant(database: Database, org: str) -> None:
    """The id is not that of the updated row."""
    existing = await inserted(database, fiche(org, code="A"))
    moving = fiche(org, code="B")
    await inserted(database, moving)
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await tx.update(moving, code="A")
    assert (refused.value.constraint, refused.value.existing_id) == ("uq_fiche_code", existing)


async def test_a_row_outside_the_partial_index_is_not_the_occupant(database: Database, org: str) -> None:
    """A part that is not the principal one does not count."""
    parent = fiche(org)
    other = Piece(organisation_id=org, fiche_id=parent.id)
    principal = Piece(organisation_id=org, fiche_id=parent.id, genre="PRINCIPALE")
    await inserted(database, parent, other, principal)
    rival = Piece(organisation_id=org, fiche_id=parent.id, genre="PRINCIPALE")
    assert await conflict_of(database, rival) == ("uq_piece_principale", principal.id)


async def test_a_deleted_row_is_not_the_occupant(database: Database, org: str) -> None:
    """Of two rows with the code, the living one is named."""
    deleted = fiche(org, code="A")
    await inserted(database, deleted)
    async with database.transaction() as tx:
        await tx.delete(deleted)
    existing = await inserted(database, fiche(org, code="A"))
    assert await conflict_of(database, fiche(org, code="A")) == ("uq_fiche_code", existing)


async def test_another_organisations_occupant_is_not_revealed(database: Database, org: str) -> None:
    """The write is refused without an id."""
    adresse = f"{org}@exemple.fr"
    existing = await inserted(database, Courriel(organisation_id=org, adresse=adresse))
    rival = Courriel(organisation_id=f"{org}-autre", adresse=adresse)
    with scoped(f"{org}-autre"):
        assert await conflict_of(database, rival) == ("uq_courriels_adresse", None)
    with scoped(org):
        rival = Courriel(organisation_id=org, adresse=adresse)
        assert await conflict_of(database, rival) == ("uq_courriels_adresse", existing)


async def test_two_new_rows_in_each_others_way_name_nobody(database: Database, org: str) -> None:
    """Neither row is in the table afterwards."""
    rows = fiche(org, code="A"), fiche(org, code="A")
    assert await conflict_of(database, *rows) == ("uq_fiche_code", None)


async def test_an_exclusion_names_its_constraint(database: Database, org: str) -> None:
    """The overlapping row is not looked for."""
    await inserted(database, Periode(organisation_id=org, debut=date(2026, 1, 1), fin=date(2026, 6, 30)))
    rival = Periode(organisation_id=org, debut=date(2026, 6, 30), fin=date(2026, 7, 1))
    assert await conflict_of(database, rival) == ("ex_periode", None)


async def test_a_repeated_id_names_the_primary_key(database: Database, org: str) -> None:
    """When the caller gives the ids."""
    existing = await inserted(database, fiche(org))
    constraint, _ = await conflict_of(database, fiche(org, id=existing))
    assert constraint == "pk_fiches"


async def test_a_conflict_from_elsewhere_keeps_what_it_says(database: Database, org: str) -> None:
    """A Conflict that already has an id, raised by other code in the block, keeps it."""
    existing = uuid7()
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
            raise Conflict("uq_ailleurs", existing)
    assert refused.value.existing_id == existing


async def test_a_missing_reference_names_its_constraint(database: Database, org: str) -> None:
    """A foreign key without its row raises ReferenceViolation."""
    with pytest.raises(ReferenceViolation) as refused:
        async with database.transaction() as tx:
            await tx.insert(Piece(organisation_id=org, fiche_id=uuid7()))
    assert refused.value.constraint == "fk_pieces_fiche_id"


async def test_a_row_that_another_one_points_at_is_not_deleted(database: Database, org: str) -> None:
    """The deletion raises StillReferenced with the constraint that is in the way."""
    demande = Demande(organisation_id=org)
    await inserted(database, demande)
    await inserted(database, courriel(org, demande.id))
    with pytest.raises(StillReferenced) as refused:
        async with database.transaction() as tx:
            await tx.delete(demande)
    assert refused.value.constraint == "fk_courriels_demande_id"


async def test_an_insert_before_a_deletion_is_told_as_what_it_is(database: Database, org: str) -> None:
    """A row that points nowhere is not taken for one that points at the deleted row."""
    demande = Demande(organisation_id=org)
    await inserted(database, demande)
    with pytest.raises(ReferenceViolation):
        async with database.transaction() as tx:
            await tx.insert(courriel(org, uuid7()))
            await tx.delete(demande)


async def test_a_refused_write_leaves_no_trace_in_the_log(
    database: Database, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A Conflict is an answer: neither psycopg nor the kernel logs it, whenever it is raised."""
    await inserted(database, fiche(org, code="A"))
    await conflict_of(database, fiche(org, code="A"))
    await conflict_of(database, fiche(org, code="A"), *(fiche(org) for _ in range(1000)))
    with pytest.raises(Conflict):
        async with database.transaction() as tx:
            await tx.insert(fiche(org, code="A"))
            await tx.get(Fiche, uuid7())
    assert caplog.records == []


async def test_nothing_of_a_refused_transaction_stays(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """Neither the rows before the refused one nor those after it."""
    await inserted(database, fiche(org, code="A"))
    await conflict_of(database, *(fiche(org) for _ in range(6)), fiche(org, code="A"), fiche(org))
    count = owner.execute("SELECT count(*) FROM fiches WHERE organisation_id = %s", (org,)).fetchone()
    assert count == (1,)
