"""CredentialService: local passwords. `passwords.py` hashes them, auth limits guesses."""

from datetime import datetime

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CredentialServiceServicer
from db_utils import Database, parse_uuid
from grpc_utils import Context, caller, email_address, found, required
from grpc_utils.errors import FormatInvalide, TropLong
from service_kit import App
from sqlalchemy import String, Uuid, bindparam, func, select, update

from service_users import callers, identifiants, journal, rules
from service_users.messages import utilisateur_message
from service_users.models import IdentifiantLocal, Utilisateur
from service_users.passwords import Passwords
from service_users.settings import UsersSettings

_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
_KNOWN = select(Utilisateur, IdentifiantLocal).outerjoin(
    IdentifiantLocal, IdentifiantLocal.utilisateur_id == Utilisateur.id
)
_BY_EMAIL = _KNOWN.where(func.lower(Utilisateur.email) == bindparam("email", type_=String))
_BY_ID = _KNOWN.where(Utilisateur.id == _utilisateur_id)
_STRENGTHEN = (
    update(IdentifiantLocal)
    .where(
        IdentifiantLocal.utilisateur_id == _utilisateur_id,
        IdentifiantLocal.hash == bindparam("former", type_=String),
    )
    .values(hash=bindparam("new_hash", type_=String))
)


class CredentialService(CredentialServiceServicer):
    """Passwords: verified for auth, changed for auth or for their owners."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db: Database = app.database
        self._settings, self._passwords = app.settings, Passwords(app.settings.bcrypt_cost)

    async def VerifyPassword(self, request: pb.VerifyPasswordRequest, context: Context) -> pb.Utilisateur:
        """Tell whose password this is; every refusal is the same, after the same work (R7)."""
        email, password = required(request.email, "email"), required(request.mot_de_passe, "mot_de_passe")
        reader = self._db.read()
        known = await reader.one(_BY_EMAIL, email=_stored_form(email))
        utilisateur = await self._verified(password, known)
        return await utilisateur_message(reader, utilisateur)

    async def SetPassword(self, request: pb.SetPasswordRequest, context: Context) -> pb.Utilisateur:
        """Replace a password; people must tell the former one, services speak for them."""
        identity = caller()
        utilisateur_id = found(parse_uuid(required(request.utilisateur_id, "utilisateur_id")))
        await callers.check_own(self._db.read(), identity, self._settings, utilisateur_id)
        known = found(await self._db.read().one(_BY_ID, utilisateur_id=utilisateur_id))
        callers.check_open(identity, known[0], self._settings)
        if not callers.is_internal(identity):
            required(request.ancien, "ancien")
        if request.ancien:
            await self._verified(request.ancien, known)
        utilisateur, stored = known
        hashed = await self._passwords.hash(rules.check_password(request.nouveau, utilisateur.email))
        async with self._db.transaction() as tx:
            utilisateur = found(await tx.get(Utilisateur, utilisateur_id, lock=True))
            callers.check_open(identity, utilisateur, self._settings)
            if _changed(await tx.get(IdentifiantLocal, utilisateur_id)) != _changed(stored):
                raise rules.IdentifiantsInvalides  # changed, or taken over (R30), since *ancien* was checked
            await identifiants.store(tx, utilisateur_id, hashed)
            await journal.note(tx, "mot_de_passe", utilisateur_id)
            return await utilisateur_message(tx, utilisateur, me=utilisateur_id)

    async def _verified(
        self, password: str, known: tuple[Utilisateur, IdentifiantLocal] | None
    ) -> Utilisateur:
        """Return the user whose password it is. Raises IdentifiantsInvalides."""
        utilisateur, stored = known or (None, None)
        if utilisateur is None or stored is None or stored.aleatoire or not utilisateur.actif:
            await self._passwords.check(password, None)  # takes as long as a wrong password (R7)
            raise rules.IdentifiantsInvalides
        verdict = await self._passwords.check(password, stored.hash)
        if not verdict.matches:
            raise rules.IdentifiantsInvalides
        if verdict.outdated:
            await self._strengthen(stored, password)
        return utilisateur

    async def _strengthen(self, stored: IdentifiantLocal, password: str) -> None:
        """Store a hash of the configured cost, unless the password was changed meanwhile (R6)."""
        hashed = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            await tx.execute(
                _STRENGTHEN,
                utilisateur_id=stored.utilisateur_id,
                former=stored.hash,
                new_hash=hashed.hash,
            )


def _changed(stored: IdentifiantLocal | None) -> datetime | None:
    """Return when the password was set, None without one; a stronger hash of it leaves that time."""
    return stored.change_le if stored is not None else None


def _stored_form(email: str) -> str:
    """Return *email* in stored form; an impossible one stays as it is, and belongs to nobody."""
    try:
        return email_address(email, "email") or ""
    except (FormatInvalide, TropLong):
        return email
