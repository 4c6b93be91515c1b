"""Rules of reminders as pure functions: what a rule says (R2, R3), which one is in force (R4)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from crm.relance import relance_pb2 as pb
from grpc_utils import changes, opaque_id, required
from grpc_utils.errors import ChampRequis, FailedPrecondition, InvalidArgument

from service_relance.modeles import check_template
from service_relance.models import DECLENCHEUR, IMPAYE, MOYENNE, RegleRelance

_EARLIEST, _LATEST = -90, 365  # days
_HIGHEST: Final = 5  # niveau of IMPAYE
_MANDATORY = ("nom", "declencheur", "action_type", "priorite_tache")
_TEMPLATES = ("template_titre", "template_corps")
_UPDATABLE = (
    *_MANDATORY,
    *_TEMPLATES,
    "societe_id",
    "description",
    "niveau",
    "delai_jours",
    "modele_code",
    "assigne_par_defaut",
    "actif",
    "ordre",
)


class NiveauInvalide(InvalidArgument):
    """Le niveau va de 1 à 5 pour un impayé et vaut 0 pour tout autre déclencheur."""


class DelaiInvalide(InvalidArgument):
    """Le délai doit être compris entre -90 et 365 jours."""


class DelaisNonCroissants(InvalidArgument):
    """Les délais des relances d'impayé doivent augmenter avec leur niveau."""


class RegleSupprimee(FailedPrecondition):
    """La règle de cette relance a été supprimée."""


def new_regle(request: pb.CreateRegleRelanceRequest) -> RegleRelance:
    """New active rule with the fields of *request* (R2, R3). Raises InvalidArgument."""
    if not request.HasField("delai_jours"):
        raise ChampRequis(champ="delai_jours")
    regle = RegleRelance(
        organisation_id=request.organisation_id,
        societe_id=opaque_id(request.societe_id, "societe_id") or "",
        nom=required(request.nom, "nom"),
        description=request.description or None,
        declencheur=required(request.declencheur, "declencheur"),
        niveau=request.niveau,
        delai_jours=request.delai_jours,
        action_type=required(request.action_type, "action_type"),
        priorite_tache=request.priorite_tache or MOYENNE,
        modele_code=request.modele_code or None,
        template_titre=request.template_titre or None,
        template_corps=request.template_corps or None,
        assigne_par_defaut=opaque_id(request.assigne_par_defaut, "assigne_par_defaut"),
        ordre=request.ordre,
    )
    check_bounds(regle.declencheur, regle.niveau, regle.delai_jours)
    for champ in _TEMPLATES:
        check_template(getattr(request, champ), champ)
    return regle


def regle_changes(regle: RegleRelance, request: pb.UpdateRegleRelanceRequest) -> dict[str, Any]:
    """Columns of *regle* that *request* changes, checked as on a new rule. Raises InvalidArgument."""
    changed = changes(request, _UPDATABLE, mandatory=_MANDATORY)
    if "societe_id" in changed:
        changed["societe_id"] = opaque_id(request.societe_id, "societe_id") or ""
    if "assigne_par_defaut" in changed:
        changed["assigne_par_defaut"] = opaque_id(request.assigne_par_defaut, "assigne_par_defaut")
    for champ in _TEMPLATES:
        check_template(changed.get(champ), champ)
    bounds = {name: changed.get(name, getattr(regle, name)) for name in ("declencheur", "niveau")}
    check_bounds(**bounds, delai_jours=changed.get("delai_jours", regle.delai_jours))
    return changed


def check_bounds(declencheur: str, niveau: int, delai_jours: int) -> None:
    """Refuse a level or a delay that no rule has (R2). Raises NiveauInvalide, DelaiInvalide.

    A trigger that does not exist has no level to speak of: it is refused when the rule is stored.
    """
    levels = range(1, _HIGHEST + 1) if declencheur == IMPAYE else (0,)
    if declencheur in DECLENCHEUR.values and niveau not in levels:
        raise NiveauInvalide(champ="niveau")
    if not _EARLIEST <= delai_jours <= _LATEST:
        raise DelaiInvalide(champ="delai_jours")


def in_force(regles: Iterable[RegleRelance], societe_id: str) -> Sequence[RegleRelance]:
    """Of active *regles* for one trigger those that *societe_id* follows, by level.

    For each level it is the société's own, else that of the organisation, whose société is '' (R4).
    """
    chosen: dict[int, RegleRelance] = {}
    for regle in regles:
        if regle.societe_id == societe_id or (not regle.societe_id and regle.niveau not in chosen):
            chosen[regle.niveau] = regle
    return [chosen[niveau] for niveau in sorted(chosen)]


def check_delays(regle: RegleRelance, active: Sequence[RegleRelance]) -> None:
    """Refuse *regle* when somewhere a higher level would not come later than a lower one (R2).

    *active* are the active rules of the organisation for unpaid invoices, *regle* among them: those
    of a société follow each other together with the organisation's which they leave in force.
    Raises DelaisNonCroissants.
    """
    societes = {regle.societe_id} if regle.societe_id else {one.societe_id for one in active}
    for societe_id in societes:
        levels = in_force(active, societe_id)
        if regle.id in {one.id for one in levels} and not all(_in_order(regle, one) for one in levels):
            raise DelaisNonCroissants(champ="delai_jours")


def _in_order(regle: RegleRelance, other: RegleRelance) -> bool:
    if other.niveau == regle.niveau:
        return True
    return (other.niveau < regle.niveau) == (other.delai_jours < regle.delai_jours) and (
        other.delai_jours != regle.delai_jours
    )
