"""Users whom a call is about: people act for themselves, services name the user (R24)."""

from grpc_utils import caller, is_opaque_id

from service_integrations.models import OauthAccount
from service_integrations.refusals import AccountNotFound, InvalidUserId


def acting_for(requested: str, provider: str = "") -> str:
    """The user of a call that names *requested*, "" for the caller's own user (R24).

    Raises InvalidUserId, and AccountNotFound when a person names somebody else.
    """
    identity = caller()
    user_id = requested or identity.user_id
    if not is_opaque_id(user_id):
        raise InvalidUserId(provider)
    if identity.kind == "user" and user_id != identity.subject:
        raise AccountNotFound(provider)
    return user_id


def owner(requested: str, provider: str) -> str:
    """The user of a call that names one of his accounts. Raises AccountNotFound.

    A malformed id is refused like an unknown account: an id that cannot exist owns nothing.
    """
    try:
        return acting_for(requested, provider)
    except InvalidUserId:
        raise AccountNotFound(provider) from None


def shown_to_caller(account: OauthAccount | None, provider: str = "") -> OauthAccount:
    """The same *account*, checked to exist and to be the caller's to see. Raises AccountNotFound."""
    identity = caller()
    if account is None or (identity.kind == "user" and account.user_id != identity.subject):
        raise AccountNotFound(provider)
    return account
