"""Reading of the `authorization` metadata: one value, exactly spelt, or a refusal (C5)."""

import pytest
from grpc_utils import bearer_of
from grpc_utils.errors import Unauthenticated
from service_testing.tokens import compact, unsigned

TOKEN = compact({"alg": "HS256"}, {"sub": "user-1"}, unsigned) + "AA"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_C5_one_value_with_the_scheme_and_a_token_is_read(scheme: str) -> None:
    """The scheme is known in any case; the token is returned as it stands there."""
    assert bearer_of([f"{scheme} {TOKEN}"]) == TOKEN


def test_C5_no_value_at_all_is_a_missing_token() -> None:
    """A caller who sent no `authorization` is told JETON_MANQUANT."""
    with pytest.raises(Unauthenticated) as told:
        bearer_of([])
    assert told.value.reason == "JETON_MANQUANT"


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {TOKEN}\r\n",
        f"Bearer {TOKEN}\r\nx-organisation-id: org-1",
        f"\r\nBearer {TOKEN}",
        f"\0Bearer {TOKEN}",
        f"Bearer {TOKEN}\0",
        f"Bearer {TOKEN}\n",
        f"Bearer {TOKEN.replace('.', '.' + chr(10), 1)}",
        f"Bearer\n{TOKEN}",
        f"Bearer {TOKEN}".encode(),
    ],
    ids=repr,
)
def test_C5_a_value_with_control_characters_or_bytes_is_invalid(value: str | bytes) -> None:
    """Line ends, NUL and bytes are refused here: we do not rely on the transport for it."""
    with pytest.raises(Unauthenticated) as told:
        bearer_of([value])
    assert told.value.reason == "JETON_INVALIDE"
