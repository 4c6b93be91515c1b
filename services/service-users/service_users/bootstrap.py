"""The first account of an installation, and its organisation's first administrator (R26)."""

from db_utils import Transaction
from grpc_utils import opaque_id, required
from grpc_utils.providers import LOCAL
from service_kit import App

from service_users import adhesions, annuaire, credentials, rules
from service_users.annuaire import Annuaire
from service_users.models import ADMIN, OrganisationAAssurer, Utilisateur
from service_users.passwords import Hashed, Passwords
from service_users.personnes import Personne
from service_users.settings import UsersSettings


async def create_administrator(
    email: str, organisation_id: str, password: str, app: App[UsersSettings]
) -> str:
    """Make the account and the membership that are missing; a sentence that says what was done.

    The address counts as verified: who may run this vouches for it. Raises InvalidArgument.
    """
    address = rules.mandatory_email(email)
    organisation = required(opaque_id(organisation_id, "organisation") or "", "organisation")
    checked = rules.check_password(password, address)
    hashed = await Passwords(app.settings.bcrypt_cost).hash(checked)
    async with app.database.transaction() as tx:
        known = await annuaire.by_email(tx, address)
        utilisateur = known or await _created(tx, Annuaire(app.settings), address, hashed)
        await adhesions.join(tx, organisation, utilisateur, source=LOCAL, role=ADMIN)
        await tx.insert(
            OrganisationAAssurer(organisation_id=organisation, type_utilisateur=utilisateur.type_utilisateur),
            if_absent=True,
        )
    done = "was there already" if known else "is made"
    return f"account {utilisateur.id} {done}, and is a member of {organisation}"


async def _created(tx: Transaction, accounts: Annuaire, email: str, password: Hashed) -> Utilisateur:
    made = await accounts.create(tx, Personne(LOCAL, "", LOCAL, email=email, email_verifie=True))
    utilisateur = made.account()
    await credentials.store(tx, utilisateur.id, password)
    return utilisateur
