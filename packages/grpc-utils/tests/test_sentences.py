"""Sentences of refusals: where a caller reads which field, within which bounds, in which entry (C7)."""

from datetime import date

import pytest
from db_utils import TextTooLong, UnknownChoice
from grpc_utils import at_most, entry, one_of, within
from grpc_utils.database_refusals import refusal_of
from grpc_utils.errors import (
    ChampRequis,
    ExisteDeja,
    InvalidArgument,
    Refusal,
    TropDEntrees,
    TropLong,
    ValeurInconnue,
)


class DureeInvalide(InvalidArgument):
    """Une durée compte des mois entiers."""


class Anglais(InvalidArgument):
    """Given words"""  # noqa: D400, D415  # a sentence without its full stop


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (ChampRequis(), "Un champ obligatoire est vide."),
        (ChampRequis(champ="nom"), "Un champ obligatoire est vide (champ : nom)."),
        (
            TropDEntrees(maximum="50", champ="lignes"),
            "La liste compte trop d'entrées (champ : lignes ; maximum : 50).",
        ),
        (
            DureeInvalide(within(1, 240), champ="duree_mois"),
            "Une durée compte des mois entiers (champ : duree_mois ; de 1 à 240).",
        ),
        (
            DureeInvalide(within(date(2026, 1, 2), "aujourd'hui"), champ="jour"),
            "Une durée compte des mois entiers (champ : jour ; de 02/01/2026 à aujourd'hui).",
        ),
        (DureeInvalide(produit_id="p-1"), "Une durée compte des mois entiers."),
        (ExisteDeja(contrainte="uq_sku", id="1"), "La ressource existe déjà (contrainte : uq_sku)."),
        (Anglais(champ="nom"), "Given words (champ : nom)"),
    ],
    ids=lambda value: value.reason if isinstance(value, Refusal) else "",
)
def test_C7_a_sentence_names_the_field_and_its_bounds(refused: Refusal, sentence: str) -> None:
    """Other metadata are for programs only."""
    assert refused.message == sentence


def test_C7_an_unknown_value_is_told_the_permitted_ones() -> None:
    """A list that nobody would read is left out; an empty text is one that is missing."""
    with pytest.raises(ValeurInconnue) as refused:
        one_of("BLEU", ("ROUGE", "VERT"), "couleur")
    assert refused.value.message.endswith("(champ : couleur ; admis : ROUGE, VERT).")
    with pytest.raises(ValeurInconnue) as refused:
        one_of("BLEU", [str(number) for number in range(31)], "couleur")
    assert refused.value.message.endswith("(champ : couleur).")
    assert refused.value.metadata == {"champ": "couleur"}
    with pytest.raises(ChampRequis):
        one_of("", ("ROUGE",), "couleur")


def test_C7_a_text_that_is_too_long_is_told_the_maximum() -> None:
    """In characters; a text of just that length is taken as it is."""
    assert at_most("été", 3, "nom") == "été"
    with pytest.raises(TropLong) as refused:
        at_most("étés", 3, "nom")
    assert refused.value.message.endswith("(champ : nom ; maximum : 3 caractères).")


def test_C7_what_a_column_refuses_is_told_with_its_bounds() -> None:
    """The closed list and the length of the column."""
    choice = refusal_of(UnknownChoice("statut", ("A", "B")))
    length = refusal_of(TextTooLong("nom", 100))
    assert choice is not None
    assert length is not None
    assert choice.message.endswith("(champ : statut ; admis : A, B).")
    assert length.message.endswith("(champ : nom ; maximum : 100 caractères).")


def test_C7_a_refusal_within_a_list_names_its_entry() -> None:
    """The innermost one counts."""
    with pytest.raises(ChampRequis) as refused, entry("lignes", 2), entry("parts", 0):
        raise ChampRequis(champ="produit_id")
    assert refused.value.metadata == {"champ": "produit_id", "entree": "parts[0]"}
    assert refused.value.message.endswith("(champ : produit_id ; entrée : parts[0]).")
