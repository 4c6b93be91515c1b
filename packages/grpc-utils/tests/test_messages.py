"""Free structures of requests as they are stored (C10)."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from grpc_utils import free_structure
from grpc_utils.errors import FormatInvalide, TropLong


def structure(**content: Any) -> Struct:
    """A structure with *content*."""
    made = Struct()
    made.update(content)
    return made


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
