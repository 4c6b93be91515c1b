"""Hazards of migrations for the former version: which changes have some, and which have none."""

import pytest
from db_utils.migrations import judgements
from tests.projects import Project

_FIRST = """
CREATE TABLE un (
    id uuid CONSTRAINT pk_un PRIMARY KEY, nom varchar(20) NOT NULL DEFAULT '', note text, rang int,
    instant timestamp, CONSTRAINT ck_nom CHECK (nom IN ('', 'a', 'b'))
);
CREATE INDEX ix_un ON un (nom);
CREATE TABLE deux (id int);
"""

HARMLESS = [
    "CREATE TABLE trois (id int NOT NULL); CREATE INDEX ix_trois ON trois (id)",
    "ALTER TABLE un ADD COLUMN ajoutee text",
    "ALTER TABLE un ADD COLUMN ajoutee text NOT NULL DEFAULT ''",
    "ALTER TABLE un ADD COLUMN ajoutee int CONSTRAINT ck_un CHECK (ajoutee > 0)",
    "ALTER TABLE un ALTER COLUMN nom TYPE varchar(60)",
    "ALTER TABLE un ALTER COLUMN nom TYPE text",
    "ALTER TABLE un ALTER COLUMN nom DROP NOT NULL",
    "ALTER TABLE un ALTER COLUMN rang SET DEFAULT 0",
    "ALTER TABLE un DROP CONSTRAINT ck_nom",
    "UPDATE un SET rang = 0",
]

HAZARDS = [
    ("DROP TABLE un", ["table un is gone"]),
    ("ALTER TABLE un RENAME TO une", ["table un is renamed to une"]),
    ("ALTER TABLE un DROP COLUMN note", ["column un.note is gone"]),
    ("ALTER TABLE un RENAME COLUMN note TO avis", ["column un.note is renamed to avis"]),
    (
        "ALTER TABLE un ALTER COLUMN rang TYPE bigint",
        [
            "table un is rewritten, and nobody can use it meanwhile",
            "column un.rang changes its type from integer to bigint",
            "index pk_un is built anew, and nobody can use its table meanwhile",
            "index ix_un is built anew, and nobody can use its table meanwhile",
        ],
    ),
    (
        "SET LOCAL timezone = 'UTC'; ALTER TABLE un ALTER COLUMN instant TYPE timestamptz",
        [
            "column un.instant changes its type from timestamp without time zone to timestamp with time zone",
        ],
    ),
    (
        "ALTER TABLE un ALTER COLUMN rang SET NOT NULL",
        ["column un.rang is required from now on, and the former version may leave it out"],
    ),
    (
        "ALTER TABLE un ALTER COLUMN nom DROP DEFAULT",
        ["column un.nom loses its default, on which the former version may count"],
    ),
    (
        "ALTER TABLE un ADD COLUMN ajoutee int NOT NULL",
        ["column un.ajoutee is required, and the former version does not write it"],
    ),
    (
        "ALTER TABLE un ADD CONSTRAINT ck_un CHECK (rang > 0) NOT VALID",
        ["constraint ck_un may refuse what the former version writes"],
    ),
    (
        "ALTER TABLE un ADD CONSTRAINT uq_un UNIQUE (note)",
        [
            "index uq_un is built while nobody can write: use db_utils.migrations.build_index",
            "index uq_un may refuse what the former version writes",
        ],
    ),
    (
        "CREATE INDEX ix_rang ON un (rang)",
        ["index ix_rang is built while nobody can write: use db_utils.migrations.build_index"],
    ),
    ("DROP INDEX ix_un", ["index ix_un is gone"]),
    (
        "DROP INDEX ix_un; CREATE UNIQUE INDEX ix_un ON un (nom)",
        ["index ix_un is built anew, and nobody can use its table meanwhile"],
    ),
    (
        "ALTER TABLE un DROP CONSTRAINT ck_nom, ADD CONSTRAINT ck_nom CHECK (nom IN ('', 'a'))",
        ["constraint ck_nom may refuse what the former version writes"],
    ),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A schema with one migration; each test adds the second one."""
    project = Project(tmp_path_factory.mktemp("judged"))
    project.add("0001_un", f"op.execute({_FIRST!r})")
    return project


def hazards(project: Project, body: str) -> list[str]:
    """The hazards of a second migration that runs *body*; the first one has none."""
    project.add("0002_deux", body, after="0001_un")
    first, second = judgements(project.url, project.schema)
    assert (first.migration, first.hazards, second.migration) == ("0001_un", (), "0002_deux")
    return list(second.hazards)


@pytest.mark.parametrize("statement", HARMLESS)
def test_the_former_version_can_live_with_it(judged: Project, statement: str) -> None:
    """A change that widens something or adds what the former version need not know has no hazard."""
    assert hazards(judged, f"op.execute({statement!r})") == []


@pytest.mark.parametrize(("statement", "found"), HAZARDS, ids=[statement for statement, _ in HAZARDS])
def test_the_former_version_cannot_live_with_it(judged: Project, statement: str, found: list[str]) -> None:
    """What it uses is gone, what it writes may be refused, or it is blocked."""
    assert sorted(hazards(judged, f"op.execute({statement!r})")) == sorted(found)


def test_an_index_may_be_built_while_rows_are_written(judged: Project) -> None:
    """`build_index` blocks no writer."""
    assert hazards(judged, 'build_index("ix_rang", "un (rang)")') == []


def test_a_unique_index_may_refuse_rows_however_it_is_built(judged: Project) -> None:
    """The former version does not know the constraint."""
    found = hazards(judged, 'build_index("uq_rang", "un (rang)", unique=True)')
    assert found == ["index uq_rang may refuse what the former version writes"]


@pytest.mark.parametrize("attribute", ["incompatible", "compatible"])
def test_a_migration_gives_its_reason(project: Project, attribute: str) -> None:
    """In an attribute of its module, beside the revision."""
    project.add("0002_deux", 'op.execute("DROP TABLE un")', after="0001_un")
    file = project.folder / "0002_deux.py"
    file.write_text(f"{file.read_text()}\n{attribute} = 'nobody reads it any more'\n")
    first, second = judgements(project.url, project.schema)
    assert (first.reason, second.reason) == ("", "nobody reads it any more")
