"""Rules of the templates that organisations write, as pure functions (R8)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm.email import email_pb2 as pb
from grpc_utils import at_most, changes, required
from grpc_utils.errors import ChampRequis, FailedPrecondition, FormatInvalide, InvalidArgument, TropLong

from service_email.applying import FRENCH, checked_langue
from service_email.modeles import ModeleInvalide, used_variables
from service_email.models import Modele
from service_email.plateforme import is_own
from service_email.rules import body, one_line

LARGEST_PART: Final = 64 * 1024  # bytes of a body
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_LONGEST_CODE: Final = 60  # characters
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PARTS: Final = ("sujet", "corps_html", "corps_texte")


class CodeReserve(InvalidArgument):
    """Ce code est celui d'un mail de la plateforme, que personne ne réécrit."""


class ModeleSysteme(FailedPrecondition):
    """Un modèle du système ne se modifie pas ; créez le vôtre sous le même code."""


@dataclass(frozen=True, slots=True)
class Known:
    """The templates of the system under a code, in all languages; none under a code of one's own."""

    modeles: Sequence[Modele]

    def variables_of(self, modele: Modele, declared: Sequence[str]) -> list[str]:
        """The variables that *modele* takes: the system's, else those *declared*, else those it uses.

        Raises ModeleInvalide for others that it uses, FormatInvalide.
        """
        used = used_variables(modele)
        system = [name for one in self.modeles for name in one.variables]
        allowed = list(dict.fromkeys(system or map(_variable, declared)))
        if not allowed:
            return sorted(map(_variable, used))
        unknown = sorted({*used, *declared} - set(allowed))
        if unknown:
            name = unknown[0][:_LONGEST_CODE]
            raise ModeleInvalide(f"variable {name} inconnue, admises : {', '.join(allowed)}", variable=name)
        return allowed


def new_modele(request: pb.CreateModeleRequest, known: Known) -> Modele:
    """The template that *request* asks for.

    Raises ChampRequis, FormatInvalide, TropLong, EnteteInterdit, CodeReserve, ModeleInvalide.
    """
    code = at_most(required(request.code, "code"), _LONGEST_CODE, "code")
    if not _CODE.fullmatch(code):
        raise FormatInvalide("lettres majuscules, chiffres et _", champ="code")
    if is_own(code):
        raise CodeReserve(champ="code")
    said = {
        "organisation_id": request.organisation_id,
        "code": code,
        "langue": checked_langue(request.langue),
        **_parts(request, _PARTS),
    }
    variables = known.variables_of(Modele(variables=[], **said), request.variables)
    return Modele(variables=variables, **said)


def modele_changes(modele: Modele, request: pb.UpdateModeleRequest, known: Known) -> dict[str, Any]:
    """The new values of *modele*, by column (C9). Raises like `new_modele`."""
    sent = changes(request, _PARTS, mandatory=("sujet", "corps_html"))
    changed = _parts(request, tuple(sent))
    current = {name: getattr(modele, name) for name in ("code", "langue", "organisation_id", *_PARTS)}
    whole = Modele(variables=[], **(current | changed))
    declared = list(request.variables) or modele.variables
    return changed | {"variables": known.variables_of(whole, declared)}


def draft(request: pb.ApercuModeleRequest) -> Modele:
    """The template that is being written; nothing of it is stored. Raises like `new_modele`."""
    if not (request.sujet or request.corps_html or request.corps_texte):
        raise ChampRequis(champ="modele_code")
    parts: dict[str, Any] = {name: _part(getattr(request, name), name) for name in _PARTS}
    parts |= {"sujet": parts["sujet"] or "", "corps_html": parts["corps_html"] or ""}
    modele = Modele(
        organisation_id=request.organisation_id, code="APERCU", langue=FRENCH, variables=[], **parts
    )
    used_variables(modele)
    return modele


def _parts(request: Any, names: Sequence[str]) -> dict[str, Any]:
    """The parts *names* of a template in their stored form; subject and HTML are needed."""
    parts: dict[str, Any] = {name: _part(getattr(request, name), name) for name in names}
    for name in ("sujet", "corps_html"):
        if name in parts:
            required(parts[name] or "", name)
    return parts


def _part(text: str, champ: str) -> str | None:
    if champ == "sujet":
        return one_line(text, champ)
    if len(text.encode()) > LARGEST_PART:
        raise TropLong(f"maximum : {LARGEST_PART // 1024} Kio", champ=champ)
    return body(text, champ)


def _variable(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormatInvalide("lettres minuscules, chiffres et _", champ="variables")
    return name
