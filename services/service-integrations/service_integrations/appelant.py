"""Whom a call is about: people act for themselves, services name the user."""

from grpc_utils import caller, is_opaque_id

from service_integrations.models import OauthAccount
from service_integrations.refusals import AccountNotFound, InvalidUserId


def acting_for(requested: str, provider: str = "") -> str:
    """The user of a call that names *requested*, "" for the caller. Raises InvalidUserId, AccountNotFound."""
    identity = caller()
    user_id = requested or identity.user_id
    if not is_opaque_id(user_id):
        raise InvalidUserId(provider)
    if identity.kind == "user" and user_id != identity.subject:
        raise AccountNotFound(provider)
    return user_id


def owner(requested: str, provider: str) -> str:
    """As `acting_for`; an id that cannot exist owns nothing. Raises AccountNotFound."""
    try:
        return acting_for(requested, provider)
    except InvalidUserId:
        raise AccountNotFound(provider) from None


def shown_to_caller(compte: OauthAccount | None, provider: str = "") -> OauthAccount:
    """*compte*, if it exists and is the caller's to see. Raises AccountNotFound."""
    identity = caller()
    if compte is None or (identity.kind == "user" and compte.user_id != identity.subject):
        raise AccountNotFound(provider)
    return compte
