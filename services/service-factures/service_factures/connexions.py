"""The accounts of sociétés on their platforms. No other module writes them or opens their secrets (C15).

`ports.py` says which account a société uses.
"""

import re
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from crm.factures import factures_pb2 as pb
from db_utils import Envelope, Reader, Transaction, uuid7
from grpc_utils import at_most, found, opaque_id, required, to_message
from grpc_utils.errors import FormatInvalide, InvalidArgument, OrganisationRequise
from grpc_utils.web import is_secure
from service_kit import App
from sqlalchemy import bindparam, delete, select

from service_factures.plateforme_models import ConnexionPlateforme, CurseurFlux
from service_factures.settings import FacturesSettings
from service_factures.transmission.plateforme import Compte

_URLS: Final = ("flow_url", "directory_url", "token_url")
_LONGEST: Final = {"client_id": 255, "client_secret": 1000, "organisation": 100, **dict.fromkeys(_URLS, 500)}
_NEEDED: Final = ("flow_url", "token_url", "client_id", "client_secret")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")  # of a header (RFC 9110 section 5.5)
_OF_ANOTHER: Final = ("flow_url", "client_id", "organisation")
_OF = select(ConnexionPlateforme).where(
    ConnexionPlateforme.organisation_id == bindparam("organisation_id"),
    ConnexionPlateforme.societe_id == bindparam("societe_id"),
)
_FORGET = delete(CurseurFlux).where(
    CurseurFlux.organisation_id == bindparam("organisation_id"),
    CurseurFlux.societe_id == bindparam("societe_id"),
)


class AdresseNonSure(InvalidArgument):
    """Cette adresse doit être en https."""


async def stored(reader: Reader, organisation_id: str, societe_id: str) -> ConnexionPlateforme | None:
    """The account of a société, None for one that has none of its own."""
    return await reader.one(_OF, organisation_id=organisation_id, societe_id=societe_id)


def compte_of(row: ConnexionPlateforme, envelope: Envelope) -> Compte:
    """The account in *row*, with its secret. Raises Undecipherable."""
    return Compte(
        flow_url=row.flow_url,
        directory_url=row.directory_url,
        token_url=row.token_url,
        client_id=row.client_id,
        client_secret=envelope.open(row.client_secret, _place(row.id)),
        organisation=row.organisation,
    )


async def save(app: App[FacturesSettings], request: pb.SaveConnexionRequest) -> pb.Connexion:
    """Make or replace the account of a société."""
    organisation_id = request.organisation_id
    if not organisation_id:
        raise OrganisationRequise
    societe_id = opaque_id(request.societe_id, "societe_id") or ""
    told = told_by(request, plain_here=not app.settings.in_production)
    async with app.database.transaction() as tx:
        await tx.lock("connexion", organisation_id, societe_id)
        row = await stored(tx, organisation_id, societe_id)
        row_id = row.id if row else uuid7()
        secret = app.settings.envelope().seal(told["client_secret"], _place(row_id))
        columns = told | {"client_secret": secret}
        if row is None:
            row = ConnexionPlateforme(
                id=row_id, organisation_id=organisation_id, societe_id=societe_id, **columns
            )
            await tx.insert(row)
        else:
            await _forget_cursor(tx, row, columns)
            await tx.update(row, **columns)
    return to_message(row, pb.Connexion)


async def read(app: App[FacturesSettings], request: pb.GetConnexionRequest) -> pb.Connexion:
    """The account of a société, without its secret."""
    row = await stored(app.database.read(), request.organisation_id, request.societe_id)
    return to_message(found(row), pb.Connexion)


def told_by(request: pb.SaveConnexionRequest, *, plain_here: bool) -> dict[str, Any]:
    """The columns of an account as *request* tells them. Raises InvalidArgument.

    A platform is reached over https; with *plain_here* one on this machine may speak http.
    """
    told: dict[str, Any] = {name: getattr(request, name) for name in _LONGEST}
    for name, text in told.items():
        if name in _NEEDED:
            required(text, name)
        at_most(text, _LONGEST[name], name)
        if text and not _VISIBLE.fullmatch(text):
            raise FormatInvalide(champ=name)
        # In production a tenant who names http here would have us call what listens beside us.
        if name in _URLS and text and not (is_secure(text) and (plain_here or text.startswith("https:"))):
            raise AdresseNonSure(champ=name)
        if name in _URLS and "@" in urlsplit(text).netloc:  # addresses are shown, and lie unsealed
            raise FormatInvalide("sans nom ni mot de passe", champ=name)
    return told


async def _forget_cursor(tx: Transaction, row: ConnexionPlateforme, columns: dict[str, Any]) -> None:
    """Read from the beginning on what another account receives."""
    if any(getattr(row, name) != columns[name] for name in _OF_ANOTHER):
        await tx.execute(_FORGET, organisation_id=row.organisation_id, societe_id=row.societe_id)


def _place(row_id: UUID) -> str:
    """The place that the envelope of a secret is bound to (C15)."""
    return f"factures.connexion_plateforme.client_secret:{row_id}"
