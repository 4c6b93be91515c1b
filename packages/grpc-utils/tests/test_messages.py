"""Conversions between rows and messages: what is not found, and free structures."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from grpc_utils import found, free_structure
from grpc_utils.errors import FormatInvalide, Introuvable, TropLong


def structure(**content: Any) -> Struct:
    """A structure with *content*."""
    made = Struct()
    made.update(content)
    return made


def test_C7_what_is_not_found_is_told_with_its_field() -> None:
    """Where a request may name several rows; a row that is found is answered."""
    assert found(0, "produit_id") == found(0) == 0
    for champ, metadata in ((None, {}), ("produit_id", {"champ": "produit_id"})):
        with pytest.raises(Introuvable) as refused:
            found(None, champ)
        assert refused.value.metadata == metadata


def test_C10_a_free_structure_is_stored_as_it_is() -> None:
    """Texts keep their spaces; an empty one is empty."""
    content = {"nom": " Élan ", "rang": 3, "part": 0.5, "liste": [True, None, {"a": "b"}]}
    assert free_structure(structure(**content), "metadata") == content
    assert free_structure(Struct(), "metadata") == {}


def test_C10_a_free_structure_has_8_KiB_at_most() -> None:
    """As it is sent; the refusal names the field."""
    largest = structure(a="x" * 8180)
    assert largest.ByteSize() == 8192
    assert free_structure(largest, "metadata") == {"a": "x" * 8180}
    with pytest.raises(TropLong) as refused:
        free_structure(structure(a="x" * 8181), "metadata")
    assert refused.value.metadata == {"champ": "metadata"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_C10_a_free_structure_holds_numbers_of_JSON(number: float) -> None:
    """NaN and infinities cannot be stored."""
    with pytest.raises(FormatInvalide) as refused:
        free_structure(structure(a=[{"b": number}]), "metadata")
    assert refused.value.metadata == {"champ": "metadata"}
