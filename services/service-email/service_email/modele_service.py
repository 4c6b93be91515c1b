"""ModeleService: the templates of the system, to read, and those of the organisation.

What a template may hold is in `modele_rules.py` and `modeles.py`.
"""

import asyncio
from collections.abc import Mapping

from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import ModeleServiceServicer
from db_utils import Listing, Reader
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import FormatInvalide
from service_kit import App
from sqlalchemy import bindparam, select

from service_email import modele_rules
from service_email.applying import asked_modele
from service_email.html_text import text_of
from service_email.modele_rules import Known, ModeleSysteme
from service_email.modeles import Rendu, render, render_closed
from service_email.models import Modele
from service_email.rules import variables
from service_email.settings import EmailSettings

MODELES = Listing(Modele, sorts=("code",), filters=("langue",))

_OF_SYSTEM = select(Modele).where(Modele.organisation_id.is_(None), Modele.code == bindparam("code"))


class ModeleService(ModeleServiceServicer):
    """Templates that the caller's organisation can use."""

    def __init__(self, app: App[EmailSettings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateModeleRequest, context: Context) -> pb.Modele:
        """Add a template, which hides the system's of its code (R8). Raises CodeReserve, ModeleInvalide."""
        known = await _known(self._db.read(), request.code)
        # Long templates take a tenth of a second to read; other calls go on meanwhile.
        modele = await asyncio.to_thread(modele_rules.new_modele, request, known)
        async with self._db.transaction() as tx:
            await tx.insert(modele)
        return to_message(modele, pb.Modele)

    async def List(self, request: pb.ListModelesRequest, context: Context) -> pb.ListModelesResponse:
        """List the templates of the system and of the organisation by their codes."""
        return list_answer(pb.ListModelesResponse, await page_of(MODELES, self._db.read(), request))

    async def Update(self, request: pb.UpdateModeleRequest, context: Context) -> pb.Modele:
        """Change a template of the organisation. Raises Introuvable, ModeleSysteme, ModeleInvalide."""
        async with self._db.transaction() as tx:
            modele = found(await tx.get(Modele, request.id))
            if modele.organisation_id is None:
                raise ModeleSysteme
            known = await _known(tx, modele.code)
            changed = await asyncio.to_thread(modele_rules.modele_changes, modele, request, known)
            await tx.update(modele, expected=expected_version(request), **changed)
        return to_message(modele, pb.Modele)

    async def Apercu(self, request: pb.ApercuModeleRequest, context: Context) -> pb.ApercuModeleResponse:
        """Fill in a template to look at it. Raises Introuvable, ModeleInvalide, VariableManquante."""
        values = variables(request.variables)
        rendu = await (self._stored(request, values) if request.modele_code else _draft(request, values))
        return pb.ApercuModeleResponse(
            sujet=rendu.sujet, html=rendu.html, texte=rendu.texte or text_of(rendu.html)
        )

    async def _stored(self, request: pb.ApercuModeleRequest, values: Mapping[str, str]) -> Rendu:
        if request.sujet or request.corps_html or request.corps_texte:
            raise FormatInvalide("un modèle enregistré ou un texte, pas les deux", champ="modele_code")
        async with self._db.transaction() as tx:
            applicable = await asked_modele(tx, request.modele_code, request.organisation_id, "")
        return await asyncio.to_thread(render_closed, applicable.modele, values, applicable.variables)


async def _draft(request: pb.ApercuModeleRequest, values: Mapping[str, str]) -> Rendu:
    return await asyncio.to_thread(lambda: render(modele_rules.draft(request), values))


async def _known(reader: Reader, code: str) -> Known:
    return Known(await reader.all(_OF_SYSTEM, code=code))
