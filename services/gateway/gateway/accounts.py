"""Parameters and refusals of the endpoints for connected accounts, as the contract tells them."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import BeforeValidator, Field

from gateway.contract import problems
from gateway.forms import LINE, TEXT, one_of, told
from gateway.routes import read

_LONGEST = 255  # characters of an identifier (G15)
PROVIDERS: Final = ("google", "microsoft", "instagram")  # as the integrations service knows them

Provider = Annotated[str, Path(max_length=_LONGEST), BeforeValidator(read), one_of(PROVIDERS)]
Filter = Annotated[str, Query(description="A provider; empty for all."), told(pattern=TEXT)]
AccountId = Annotated[
    str,
    Path(alias="accountId", max_length=_LONGEST, description="Of any characters but control characters."),
    BeforeValidator(read),
    told(pattern=LINE),
]
RedirectUrl = Annotated[
    str,
    Field(max_length=2000, description="An address of an origin that integrations allows."),
    told(pattern=r"^(https?://[!-\[\]-~]+)?$"),
]

LIST_PROBLEMS: Final = problems({400: "A provider that is no text."})
CONNECT_PROBLEMS: Final = problems(
    {
        400: "`INVALID_PROVIDER`: unknown or not switched on here; `INVALID_REDIRECT_URL`.",
        409: "`OAUTH_INIT_ERROR`.",
    }
)
FINISH_PROBLEMS: Final = problems(
    {
        400: "`PARAMETRES_INVALIDES`, `INVALID_PROVIDER`; told to who accepts application/json, as are those "
        "below. Browsers are sent to the default page with `status=error` and `code`.",
        403: "`INVALID_STATE`.",
        409: "`OAUTH_CALLBACK_ERROR`.",
    }
)
_UNKNOWN: Final = {400: "An account that cannot be.", 404: "`ACCOUNT_NOT_FOUND`."}
ACCOUNT_PROBLEMS: Final = problems(_UNKNOWN)
REFRESH_PROBLEMS: Final = problems(
    _UNKNOWN
    | {
        409: "`NO_REFRESH_TOKEN`: the account has to be connected again.",
        503: "`TOKEN_REFRESH_ERROR`, or integrations does not answer.",
    }
)
