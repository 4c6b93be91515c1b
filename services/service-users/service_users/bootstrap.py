"""The first account of an installation, with the first administrator's membership (R26)."""

from base64 import b64encode
from dataclasses import replace
from secrets import token_bytes

from db_utils import Transaction
from grpc_utils import opaque_id, required
from grpc_utils.providers import LOCAL
from pydantic import Field, SecretStr
from service_kit import App

from service_users import adhesions, identifiants, lookups, reprise, rules
from service_users.directory import Directory
from service_users.models import ADMIN, OrganisationAAssurer, Utilisateur
from service_users.passwords import Hashed, Passwords
from service_users.personnes import Personne
from service_users.service import SERVICE as SERVED
from service_users.settings import UsersSettings


class _Settings(UsersSettings):
    """Settings of the service with a sealing key made up for the run.

    What is written here is never sealed, so operators need not have the real keys.
    """

    encryption_keys: SecretStr = Field(
        default_factory=lambda: SecretStr(f"none:{b64encode(token_bytes(32)).decode()}")
    )


SERVICE = replace(SERVED, settings=_Settings)


async def create_administrator(
    email: str, organisation_id: str, password: str, app: App[UsersSettings]
) -> str:
    """Make the account and the membership that are missing; return a sentence that says what was done.

    The address counts as proved: whoever may run this vouches for it. Raises InvalidArgument.
    """
    address = rules.mandatory_email(email)
    organisation = required(opaque_id(organisation_id, "organisation") or "", "organisation")
    checked = rules.check_password(password, address)
    hashed = await Passwords(app.settings.bcrypt_cost).hash(checked)
    async with app.database.transaction() as tx:
        known = await lookups.by_email(tx, address)
        utilisateur = await _known(tx, known, hashed, app.settings) if known else None
        utilisateur = utilisateur or await _created(tx, Directory(app.settings), address, hashed)
        taken_over = known is not None and not known.email_verifie
        await adhesions.join(tx, organisation, utilisateur, source=LOCAL, role=ADMIN, anew=taken_over)
        # The command may run without the mesh: the service's own job tells organisations.
        await tx.insert(
            OrganisationAAssurer(organisation_id=organisation, type_utilisateur=utilisateur.type_utilisateur),
            if_absent=True,
        )
    done = "was there already" if known else "is made"
    return f"account {utilisateur.id} {done}, and is a member of {organisation}"


async def _known(
    tx: Transaction, seen: Utilisateur, password: Hashed, settings: UsersSettings
) -> Utilisateur | None:
    """Return the account of the address, taken over if nobody has proved it (R30), None if it is gone."""
    utilisateur = await tx.get(Utilisateur, seen.id, lock=True)
    if utilisateur is not None and not utilisateur.email_verifie:
        await reprise.take_over(tx, utilisateur, _personne(seen.email), settings.envelope())
        await identifiants.store(tx, utilisateur.id, password)
    return utilisateur


async def _created(tx: Transaction, directory: Directory, email: str, password: Hashed) -> Utilisateur:
    made = await directory.create(tx, _personne(email))
    utilisateur = made.account()
    await identifiants.store(tx, utilisateur.id, password)
    return utilisateur


def _personne(email: str) -> Personne:
    return Personne(LOCAL, "", LOCAL, email=email, email_verifie=True)
