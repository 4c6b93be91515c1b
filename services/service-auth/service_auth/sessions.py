"""AuthService: sign-ins, and what the holder of a token may do with it.

`guard.py` counts attempts, `accounts.py` asks users, `tokens.py` makes tokens, `oidc.py`
talks to Google, `revocations.py` ends tokens.
"""

from collections.abc import Sequence

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceServicer
from crm.users.users_pb2 import Utilisateur
from db_utils import clock
from grpc_utils import Context, Identity, JetonRevoque, caller, email_address, opaque_id, required, timestamp
from grpc_utils.errors import TropLong
from service_kit import App

from service_auth.accounts import Accounts
from service_auth.demandes import Demandes, Suite, allowed_redirect
from service_auth.guard import Guard, Origin
from service_auth.id_tokens import Personne
from service_auth.keys import Keyring
from service_auth.models import LOGOUT, MOT_DE_PASSE, RENOUVELLEMENT, BienvenueAEnvoyer
from service_auth.oidc import Google, Provider
from service_auth.refusals import (
    CodeRequis,
    ConnexionTropAncienne,
    GoogleIndisponible,
    GoogleNonConfigure,
    JetonNonRenouvelable,
    RefusUtilisateur,
    SessionTropAncienne,
)
from service_auth.revocations import OwnToken, is_revoked, revoke_token, revoke_user
from service_auth.settings import AuthSettings
from service_auth.tokens import Compte, Jeton, Mint, Session

_SIGNED_IN = "Connexion réussie"  # R2
_LONGEST_PASSWORD = 72  # bytes; bcrypt takes no more
_RECENT = 600  # seconds after a sign-in at Google in which a first password may be set (R12)
_DENIED = "access_denied"  # RFC 6749 section 4.1.2.1


class AuthService(AuthServiceServicer):
    """Sign-ins for the gateway, sessions for their holders."""

    def __init__(self, app: App[AuthSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._guard, self._accounts = Guard(app), Accounts(app.peers)
        self._mint = Mint(Keyring.of(app), app.settings)
        self._demandes = Demandes(app.database, app.settings.envelope())
        self._google: Provider = Google(app.settings)

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.LoginResponse:
        """Exchange an email and a password for a token; a refusal never says what was wrong (R1–R7)."""
        now, organisation = clock.now(), _organisation(request)
        email = email_address(required(request.email, "email"), "email") or ""
        password = _password(request.mot_de_passe, "mot_de_passe")
        async with self._guard.password(email, Origin.of(request.ip, request.user_agent)):
            person = await self._accounts.verified(email, password)
            compte = await self._accounts.compte(person, organisation)
            jeton = await self._mint.jeton(compte, Session.begun("pwd", now), now)
        self._accounts.announce(compte)
        return _signed_in(compte, jeton)

    async def GetGoogleAuthUrl(
        self, request: pb.GetGoogleAuthUrlRequest, context: Context
    ) -> pb.GetGoogleAuthUrlResponse:
        """Begin a sign-in at Google: the address for the browser, and the secret it must keep (R14, R15)."""
        self._check_google()
        organisation = _organisation(request)
        redirect_uri = allowed_redirect(request.redirect_uri, self._settings.google_redirect_uris)
        await self._guard.check(Origin.of(request.ip))
        debut = await self._demandes.begin(redirect_uri, organisation)
        return pb.GetGoogleAuthUrlResponse(
            auth_url=await self._google.authorize_url(debut.demande),
            liaison=debut.liaison,
            expire_le=timestamp(debut.expire_le),
        )

    async def HandleGoogleCallback(
        self, request: pb.HandleGoogleCallbackRequest, context: Context
    ) -> pb.LoginResponse:
        """Finish a sign-in at Google; a newcomer gets an account and a welcome mail (R16–R21)."""
        self._check_google()
        now = clock.now()
        async with self._guard.google(Origin.of(request.ip, request.user_agent)) as attempt:
            suite = await self._consumed(request)
            personne = await self._vouched_for(request.code, suite)
            attempt.email = personne.email
            arrivee = await self._accounts.of_google(personne)
            if arrivee.nouveau:
                await self._owe_welcome(arrivee.utilisateur.id)
            compte = await self._accounts.compte(arrivee.utilisateur, suite.organisation)
            issued_at = arrivee.not_before(now)
            jeton = await self._mint.jeton(compte, Session.begun("google", now), issued_at)
        self._accounts.announce(compte)
        return _signed_in(compte, jeton, nouvel_utilisateur=arrivee.nouveau)

    async def Logout(self, request: pb.LogoutRequest, context: Context) -> pb.LogoutResponse:
        """Revoke the token of this call; a repetition changes nothing (R10)."""
        token = _own_token(self._settings)
        async with self._db.transaction() as tx:
            await revoke_token(tx, token, LOGOUT)
        return pb.LogoutResponse(success=True)

    async def RenewToken(self, request: pb.RenewTokenRequest, context: Context) -> pb.RenewTokenResponse:
        """Exchange the token of this call for one with the present organisation, role and names (R11)."""
        now, token, organisation = clock.now(), _own_token(self._settings), _organisation(request)
        session = _session(caller())
        await self._check_good(token)
        if now.timestamp() - session.auth_time > self._settings.session_max_s:
            raise SessionTropAncienne
        compte = await self._accounts.compte(
            await self._accounts.known(token.utilisateur_id), organisation, former=token.organisation_id
        )
        jeton = await self._mint.jeton(compte, session, now)
        async with self._db.transaction() as tx:
            # Asked again here: a parallel call may have ended the token since the check above.
            if await is_revoked(tx, token) or not await revoke_token(tx, token, RENOUVELLEMENT):
                raise JetonRevoque
        return pb.RenewTokenResponse(
            token=jeton.texte,
            expire_le=jeton.expire_le,
            organisation_id=compte.organisation_id,
            role=compte.role,
            organisations=compte.organisations,
        )

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: Context
    ) -> pb.ChangePasswordResponse:
        """Change the caller's password and end all former tokens of this user (R12)."""
        token, session = _own_token(self._settings), _session(caller())
        nouveau = _password(request.nouveau, "nouveau")
        await self._check_good(token)
        person = await self._accounts.known(token.utilisateur_id)
        await self._change(person, request.ancien, nouveau, session)
        return await self._anew(token)

    async def _check_good(self, token: OwnToken) -> None:
        """Refuse a void token by the tables, which know it before the processes do. Raises JetonRevoque."""
        if await is_revoked(self._db.read(), token):
            raise JetonRevoque

    async def _change(self, person: Utilisateur, ancien: str, nouveau: str, session: Session) -> None:
        """Set the password *nouveau* of *person* (R12).

        The former password is needed when somebody can know it. An account with a drawn password
        needs a sign-in of less than ten minutes ago instead. Raises ConnexionTropAncienne.
        """
        if person.mot_de_passe_connu or ancien:
            ancien = _password(ancien, "ancien")
            async with self._guard.password(person.email, None):
                await self._accounts.change_password(person.id, ancien, nouveau)
        elif clock.timestamp() - session.auth_time >= _RECENT:
            raise ConnexionTropAncienne
        else:
            await self._accounts.change_password(person.id, "", nouveau)

    async def _anew(self, former: OwnToken) -> pb.ChangePasswordResponse:
        """Token of a session that begins now, after all former tokens of the user were revoked.

        Raises JetonRevoque when *former* ended meanwhile: a void token must not yield a good one.
        """
        now = clock.now()
        async with self._db.transaction() as tx:
            ended = await is_revoked(tx, former)
            await revoke_user(tx, former.utilisateur_id, now, MOT_DE_PASSE)
        if ended:
            raise JetonRevoque
        person = await self._accounts.known(former.utilisateur_id)
        compte = await self._accounts.compte(person, former=former.organisation_id)
        jeton = await self._mint.jeton(compte, Session.begun("pwd", now), now)
        return pb.ChangePasswordResponse(token=jeton.texte, expire_le=jeton.expire_le)

    async def _consumed(self, request: pb.HandleGoogleCallbackRequest) -> Suite:
        """The sign-in behind this callback, consumed before anything is asked of Google (R16)."""
        if request.error:
            await self._demandes.give_up(request.state)
            raise RefusUtilisateur if request.error == _DENIED else GoogleIndisponible
        suite = await self._demandes.consume(required(request.state, "state"), request.liaison)
        if not request.code:
            raise CodeRequis
        return suite

    async def _vouched_for(self, code: str, suite: Suite) -> Personne:
        """The person whom Google vouches for (R17, R18)."""
        id_token = await self._google.exchange(code, suite.code_verifier, suite.redirect_uri)
        return await self._google.verify(id_token, suite.nonce_hash)

    async def _owe_welcome(self, utilisateur_id: str) -> None:
        async with self._db.transaction() as tx:
            await tx.insert(BienvenueAEnvoyer(utilisateur_id=utilisateur_id), if_absent=True)

    def _check_google(self) -> None:
        if not self._settings.google_configured:
            raise GoogleNonConfigure


def _password(text: str, champ: str) -> str:
    if len(required(text, champ).encode()) > _LONGEST_PASSWORD:
        raise TropLong(champ=champ)
    return text


def _organisation(request: pb.LoginRequest | pb.GetGoogleAuthUrlRequest | pb.RenewTokenRequest) -> str:
    """The organisation that *request* names for its token, "" for none. Raises FormatInvalide."""
    return opaque_id(request.organisation, "organisation") or ""


def _own_token(settings: AuthSettings) -> OwnToken:
    """The token of this call. Raises JetonNonRenouvelable unless this service made it for a user."""
    identity = caller()
    token = OwnToken.of(identity)
    if identity.kind != "user" or identity.issuer != settings.jwt_issuer or token is None:
        raise JetonNonRenouvelable
    return token


def _session(identity: Identity) -> Session:
    """Way and time of the sign-in behind one of our tokens. Raises JetonNonRenouvelable."""
    amr, auth_time = identity.claims.get("amr"), identity.claims.get("auth_time")
    if not isinstance(amr, Sequence) or not amr or not isinstance(auth_time, int):
        raise JetonNonRenouvelable
    return Session(str(amr[0]), auth_time)


def _signed_in(compte: Compte, jeton: Jeton, *, nouvel_utilisateur: bool = False) -> pb.LoginResponse:
    person = compte.utilisateur
    return pb.LoginResponse(
        message=_SIGNED_IN,
        token=jeton.texte,
        expire_le=jeton.expire_le,
        user=pb.UtilisateurConnecte(
            id=person.id,
            email=person.email,
            nom=person.nom,
            prenom=person.prenom,
            photo_url=person.photo_url,
            organisation_id=compte.organisation_id,
            role=compte.role,
        ),
        nouvel_utilisateur=nouvel_utilisateur,
        organisations=compte.organisations,
    )
