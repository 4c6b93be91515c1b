"""Google and Microsoft: the code flow of RFC 6749 with PKCE; their differences are data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from service_kit.outside import Question

from service_integrations.adapter import MAIL, PROFIL, Profile, Tokens
from service_integrations.providers import answers
from service_integrations.providers.answers import Content
from service_integrations.providers.client import OAuthClient
from service_integrations.providers.transport import Transport


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences of one provider from the RFCs.

    *account_id*, *names* and *emails* are fields of its profile; of several the first that is there
    counts. *mail* is the permission that sending mail needs. Where the scopes differ, *profile_scope*
    goes with the code and *mail_scope* with refresh tokens, and the first access token, which is for the
    profile, lives *first_life* seconds at most.
    """

    code: str
    nom: str
    scope: str
    mail: str
    authorize: Mapping[str, str]
    account_id: str
    names: tuple[str, ...]
    emails: tuple[str, ...]
    profile_scope: str = ""
    mail_scope: str = ""
    first_life: int | None = None


_GMAIL = "https://mail.google.com/"  # the only permission of Google that admits SMTP

GOOGLE = Differences(
    code="google",
    nom="Google",
    scope=f"openid email profile {_GMAIL}",
    mail=_GMAIL,
    # Without consent asked again, a second connection brings no refresh token.
    authorize={"access_type": "offline", "prompt": "consent"},
    account_id="sub",
    names=("name", "email"),
    emails=("email",),
)

_GRAPH, _SMTP = "https://graph.microsoft.com/User.Read", "https://outlook.office.com/SMTP.Send"

# An access token of Microsoft is for one resource: Graph tells the profile, Outlook takes mail.
# The first one, for Graph, is given 5 minutes to live, so that it is due for refresh at once (R8).
MICROSOFT = Differences(
    code="microsoft",
    nom="Microsoft",
    scope=f"openid email profile offline_access {_GRAPH} {_SMTP}",
    mail=_SMTP,
    authorize={"response_mode": "query", "prompt": "select_account"},
    account_id="id",
    names=("displayName", "userPrincipalName"),
    emails=("mail", "userPrincipalName"),
    profile_scope=f"openid email profile offline_access {_GRAPH}",
    mail_scope=f"offline_access {_SMTP}",
    first_life=300,
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a provider; one without *revoke* cannot end tokens."""

    authorize: str
    token: str
    profile: str
    revoke: str = ""


class Standard:
    """A provider that keeps to the RFCs, but for its differences."""

    pkce = True

    def __init__(
        self, own: Differences, client: OAuthClient, addresses: Addresses, transport: Transport
    ) -> None:
        self._own, self._client, self._addresses, self._transport = own, client, addresses, transport
        self.code, self.nom, self.actif = own.code, own.nom, bool(client.id)
        # A sign-in alone tells the profile.
        self.usages: Mapping[str, str] = {MAIL: own.mail, PROFIL: ""}

    def authorize_url(self, state: str, code_challenge: str) -> str:
        """The address with the scopes for mail and for refreshes without the person, and with PKCE."""
        pkce = {"code_challenge": code_challenge, "code_challenge_method": "S256"}
        asked = {"scope": self._own.scope, "state": state, **pkce, **self._own.authorize}
        return self._client.authorize_url(self._addresses.authorize, asked)

    async def exchange_code(self, code: str, code_verifier: str) -> Tokens:
        """Exchange *code* for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": self._client.redirect_uri,
            **self._scoped(self._own.profile_scope),
        }
        asked = self._own.profile_scope or self._own.scope
        tokens = await self._tokens("exchange_code", form, asked, repeatable=False)
        lives = [life for life in (tokens.expires_in, self._own.first_life) if life is not None]
        return replace(tokens, expires_in=min(lives, default=None))

    async def get_profile(self, access_token: str) -> Profile:
        """The account of the token, with the email address as metadata."""
        question = Question("get_profile", "GET", self._addresses.profile, bearer=access_token)
        return await self._transport.ask(question, self._profile)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Ask for new tokens (RFC 6749 section 6)."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        asked = self._own.mail_scope
        return await self._tokens("refresh", form | self._scoped(asked), asked)

    async def revoke(self, token: str) -> bool:
        """Ask the provider to end *token* (RFC 7009), where it has an endpoint for that."""
        if not self._addresses.revoke:
            return False
        return await self._transport.confirms(
            Question("revoke", "POST", self._addresses.revoke, form={"token": token})
        )

    async def _tokens(
        self, operation: str, form: Mapping[str, str], asked: str, *, repeatable: bool = True
    ) -> Tokens:
        whole = {**form, **self._client.proof}
        question = Question(operation, "POST", self._addresses.token, form=whole, repeatable=repeatable)
        tokens = await self._transport.ask(question, answers.tokens)
        return answers.judged(tokens, (self._own.mail,), asked)

    def _profile(self, content: Content) -> Profile:
        """The profile in *content*. Raises Unreadable."""
        email = answers.first_shown(content, self._own.emails)
        return Profile(
            account_id=answers.identifier(content, self._own.account_id),
            nom_affiche=answers.first_shown(content, self._own.names),
            metadata={"email": email} if email else {},
        )

    @staticmethod
    def _scoped(scope: str) -> dict[str, str]:
        return {"scope": scope} if scope else {}
