"""Forms of fields and parameters, as the contract tells them.

Lengths are judged here. A format, a pattern or a closed list of the contract is judged by the
service that is asked, which has its own reason for it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

LONGEST_URL: Final = 2048
OPAQUE_ID: Final = r"[A-Za-z0-9][A-Za-z0-9._:|-]{0,63}"  # C2
CHARACTER: Final = r"[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]"  # what services take (C10)
TEXT: Final = f"^{CHARACTER}*$"
LINE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"  # G15


def told(**keywords: Any) -> Any:
    """A field with *keywords* in its JSON Schema, which are not judged here."""
    return Field(json_schema_extra=keywords)


def one_of(values: Iterable[str]) -> Any:
    """A field of which the service knows these *values* and no others."""
    return told(enum=list(values))


def or_null(form: Any) -> Any:
    """A field of *form* in which null stands for an empty text."""
    return BeforeValidator(lambda value: "" if value is None else value, json_schema_input_type=form | None)


Organisation = Annotated[
    str,
    Field(max_length=64, description="The organisation of the token; empty: the one chosen last."),
    told(pattern=f"^({OPAQUE_ID})?$"),
]
Email = Annotated[str, Field(min_length=1, max_length=254), told(format="email")]
Password = Annotated[str, Field(min_length=1, max_length=72, description="At most 72 bytes of UTF-8.")]
Instant = Annotated[str, told(format="date-time")]
