"""Rules of files as pure functions."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.documents import documents_pb2 as pb
from db_utils import clock
from grpc_utils.errors import Refusal
from service_documents import rules
from service_documents.models import PieceJointe
from service_documents.rules import Contenu, Description

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
MOST = 1000
GOOD: dict[str, Any] = {
    "organisation_id": "org-1",
    "nom_fichier": "a.pdf",
    "entite_type": "CLIENT",
    "entite_id": "c-1",
}


def described(**fields: Any) -> Description:
    """The description in a request of these fields. Raises Refusal."""
    return rules.described(pb.CreatePieceJointeRequest(**{**GOOD, **fields}), "user-1", MOST)


def piece(**fields: Any) -> PieceJointe:
    """The row of a PDF."""
    with clock.frozen_at(NOON):
        return rules.new_piece(described(**fields), Contenu("application/pdf", 9, "0" * 64), "fichier")


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"nom_fichier": ""}, "CHAMP_REQUIS", "nom_fichier"),
        ({"nom_fichier": "a.exe"}, "TYPE_REFUSE", "nom_fichier"),
        ({"type_mime": "image/png"}, "TYPE_REFUSE", "type_mime"),
        ({"entite_type": ""}, "CHAMP_REQUIS", "entite_type"),
        ({"entite_type": "client"}, "VALEUR_INCONNUE", "entite_type"),
        ({"entite_id": ""}, "CHAMP_REQUIS", "entite_id"),
        ({"entite_id": "a b"}, "FORMAT_INVALIDE", "entite_id"),
        ({"entite_id": "x" * 65}, "FORMAT_INVALIDE", "entite_id"),
        ({"categorie": "AUTRE"}, "VALEUR_INCONNUE", "categorie"),
        ({"categorie": "CONTRAT_SIGNE"}, "CATEGORIE_RESERVEE", "categorie"),
        ({"description": "x" * 501}, "TROP_LONG", "description"),
        ({"sha256": "0" * 63}, "FORMAT_INVALIDE", "sha256"),
        ({"sha256": "g" * 64}, "FORMAT_INVALIDE", "sha256"),
        ({"taille": -1}, "FORMAT_INVALIDE", "taille"),
        ({"taille": MOST + 1}, "TROP_VOLUMINEUX", None),
    ],
)
def test_R5_a_description_is_checked_before_a_byte_is_read(
    fields: dict[str, Any], reason: str, champ: str | None
) -> None:
    """The refusal names the field."""
    with pytest.raises(Refusal) as refused:
        described(**fields)
    assert (refused.value.reason, refused.value.metadata.get("champ")) == (reason, champ)


def test_R5_an_entity_is_whatever_another_service_has_made() -> None:
    """An id of an outside system too; the category is GENERAL unless another is asked for."""
    found = described(entite_type="AUTRE", entite_id="ext|42", sha256="AB" * 32, taille=MOST)
    assert (found.entite_type, found.entite_id, found.categorie) == ("AUTRE", "ext|42", "GENERAL")
    assert (found.sha256, found.taille, found.description) == ("ab" * 32, MOST, None)


def test_R1_a_key_tells_nothing_of_the_name() -> None:
    """It is made of the organisation, the month and the id."""
    row = piece(nom_fichier="../../secret.pdf")
    assert row.cle_stockage == f"org-1/2026/03/{row.id}"


@pytest.mark.parametrize(
    ("declared", "sha256", "ok"), [(0, "", 1), (9, "", 1), (0, "ab" * 32, 1), (8, "", 0)]
)
def test_R2_what_was_declared_is_compared(declared: int, sha256: str, ok: int) -> None:
    """Only what was declared."""
    said = described(taille=declared, sha256=sha256)
    if ok:
        rules.check_received(said, 9, "ab" * 32)
        return
    with pytest.raises(rules.EmpreinteDifferente):
        rules.check_received(said, 9, "ab" * 32)


def _later(field: str) -> pb.UploadPieceJointeRequest:
    request = pb.UploadPieceJointeRequest(bloc=b"a")
    setattr(request, field, "x")
    return request


@pytest.mark.parametrize("field", ["nom_fichier", "categorie", "sha256"])
def test_R2_only_the_first_message_describes(field: str) -> None:
    """A later one holds a block and nothing else."""
    with pytest.raises(rules.BlocAttendu) as refused:
        rules.later_bloc_of(_later(field))
    assert refused.value.metadata == {"champ": field}
    assert rules.later_bloc_of(pb.UploadPieceJointeRequest(bloc=b"a", organisation_id="org-1")) == b"a"


def test_R2_a_block_has_256_kib_at_most() -> None:
    """One byte more is TROP_LONG."""
    assert len(rules.bloc_of(pb.UploadPieceJointeRequest(bloc=bytes(256 * 1024)))) == 256 * 1024
    with pytest.raises(Refusal) as refused:
        rules.bloc_of(pb.UploadPieceJointeRequest(bloc=bytes(256 * 1024 + 1)))
    assert refused.value.reason == "TROP_LONG"


@pytest.mark.parametrize(
    ("filed", "expires"),
    [
        (datetime(2026, 3, 5, tzinfo=UTC), datetime(2031, 3, 5, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), datetime(2033, 2, 28, tzinfo=UTC)),
    ],
)
def test_R16_identity_papers_are_kept_five_years(filed: datetime, expires: datetime) -> None:
    """Other files have no end."""
    assert rules.expiry("IDENTITE", filed) == expires
    assert rules.expiry("GENERAL", filed) is None


def test_R16_the_end_follows_the_category() -> None:
    """Filed as something else, a paper does not expire any more."""
    row = piece(categorie="IDENTITE")
    assert row.expire_le == datetime(2031, 3, 5, 12, tzinfo=UTC)
    changed = rules.piece_changes(row, pb.UpdatePieceJointeRequest(categorie="MANDAT"))
    assert changed == {"categorie": "MANDAT", "expire_le": None}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"nom_fichier": "a.txt"}, "TYPE_REFUSE"),
        ({"nom_fichier": " "}, "CHAMP_REQUIS"),
        ({"categorie": ""}, "CHAMP_REQUIS"),
        ({"categorie": "CONTRAT_SIGNE"}, "CATEGORIE_RESERVEE"),
    ],
)
def test_R4_an_update_leaves_name_and_type_in_agreement(fields: dict[str, Any], reason: str) -> None:
    """Another extension of the same type is fine."""
    with pytest.raises(Refusal) as refused:
        rules.piece_changes(piece(), pb.UpdatePieceJointeRequest(**fields))
    assert refused.value.reason == reason
    renamed = rules.piece_changes(piece(), pb.UpdatePieceJointeRequest(nom_fichier="x/b.PDF"))
    assert renamed == {"nom_fichier": "b.PDF"}


@pytest.mark.parametrize(
    ("debut", "longueur", "part"), [(0, 0, (0, 10)), (9, 0, (9, 1)), (2, 3, (2, 3)), (2, 99, (2, 8))]
)
def test_R8_a_part_ends_with_the_file(debut: int, longueur: int, part: tuple[int, int]) -> None:
    """A longer one is shortened; 0 is the rest."""
    assert rules.part_of(10, debut, longueur) == part


@pytest.mark.parametrize(
    ("asked", "lives"), [(0, 300), (30, 30), (3600, 3600), (29, None), (3601, None), (-1, None)]
)
def test_R11_a_link_lives_between_30_seconds_and_an_hour(asked: int, lives: int | None) -> None:
    """Five minutes unless told otherwise."""
    if lives is not None:
        assert rules.duration_of(asked) == lives
        return
    with pytest.raises(Refusal):
        rules.duration_of(asked)
