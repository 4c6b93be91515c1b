"""Templates: a small part of Jinja2 without loops, calls, attributes and files (R8).

Texts, variables, conditions and a few filters remain: a template costs what it is long and cannot
multiply its variables. Pure functions; `applying.py` chooses the template that applies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grpc_utils.errors import InvalidArgument
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from service_email.models import Modele

LARGEST = 512 * 1024  # bytes of a rendered part (R8)
MOST_TAGS = 500  # of a part: reading so many takes a tenth of a second
MOST_FILTERS = 40  # of a part: the slowest one, title, takes 15 ms on the longest values (R26)
_LONGEST_NAME = 60  # characters of a variable that a refusal names
_DEEPEST = 50  # levels of conditions and expressions in each other: Jinja and Python recurse into them (R8)

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
)
_FILTERS = frozenset({"capitalize", "default", "e", "escape", "lower", "title", "trim", "upper"})
_COMPARISONS = frozenset({"eq", "ne", "in", "notin"})


class VariableManquante(InvalidArgument):
    """Une variable du modèle n'a pas reçu de valeur."""


class VariableInconnue(InvalidArgument):
    """Le modèle ne connaît pas cette variable."""


class ModeleInvalide(InvalidArgument):
    """Le modèle contient une erreur ou une construction interdite."""


class RenduTropLong(InvalidArgument):
    """Le message rendu dépasse 512 Kio."""


@dataclass(frozen=True, slots=True)
class Rendu:
    """A template with its variables filled in."""

    sujet: str
    html: str
    texte: str | None


def render(modele: Modele, variables: Mapping[str, str]) -> Rendu:
    """Fill in *modele* with *variables*; HTML is escaped, the subject is one line (R8).

    Raises ModeleInvalide, VariableManquante, RenduTropLong.
    """
    texte = modele.corps_texte
    return Rendu(
        sujet=" ".join(_filled(modele.sujet, variables, html=False).split()),
        html=_filled(modele.corps_html, variables, html=True),
        texte=None if texte is None else _filled(texte, variables, html=False),
    )


def render_closed(modele: Modele, variables: Mapping[str, str], known: frozenset[str]) -> Rendu:
    """Fill in *modele*; *variables* has all *known* ones and no other, so that no misspelling is sent (R26).

    Raises like `render`, VariableInconnue.
    """
    if unknown := sorted(variables.keys() - known):
        name = unknown[0][:_LONGEST_NAME]
        raise VariableInconnue(f"variable : {name}", variable=name)
    if missing := sorted(known - variables.keys()):
        raise _missing(missing[0])
    return render(modele, variables)


def _missing(name: str) -> VariableManquante:
    return VariableManquante(f"variable : {name}", variable=name)


def _filled(source: str, variables: Mapping[str, str], *, html: bool) -> str:
    template, needed = _compiled(source, html)
    if missing := sorted(needed - variables.keys()):
        raise _missing(missing[0])
    parts, size = [], 0
    for part in template.generate(variables):
        size += len(part.encode())
        if size > LARGEST:
            raise RenduTropLong
        parts.append(part)
    return "".join(parts)


def used_variables(modele: Modele) -> frozenset[str]:
    """The names of all variables that *modele* uses. Raises ModeleInvalide, which names the broken part."""
    parts = ("sujet", modele.sujet, False), ("corps_html", modele.corps_html, True)
    names: frozenset[str] = frozenset()
    for champ, source, html in (*parts, ("corps_texte", modele.corps_texte or "", False)):
        try:
            names |= _compiled(source, html)[1]
        except ModeleInvalide as error:
            error.metadata["champ"] = champ
            raise
    return names


@lru_cache(maxsize=256)
def _compiled(source: str, html: bool) -> tuple[Template, frozenset[str]]:
    """The template of *source* and the names of the variables it needs. Raises ModeleInvalide."""
    environment = _HTML if html else _TEXT
    if source.count("{{") + source.count("{%") > MOST_TAGS:
        raise ModeleInvalide(f"maximum : {MOST_TAGS} variables et conditions")
    try:
        tree = environment.parse(source)
        _check(tree)
        return environment.from_string(tree), frozenset(meta.find_undeclared_variables(tree))
    except TemplateSyntaxError as error:
        raise ModeleInvalide(f"ligne {error.lineno}") from None
    except (TemplateError, RecursionError):
        raise ModeleInvalide from None


def _check(tree: nodes.Template) -> None:
    if sum(1 for _ in tree.find_all(nodes.Filter)) > MOST_FILTERS:
        raise ModeleInvalide(f"maximum : {MOST_FILTERS} filtres")
    _check_node(tree)


def _check_node(node: nodes.Node, depth: int = 0) -> None:
    if not isinstance(node, _ALLOWED) or depth > _DEEPEST or not _renders(node):
        raise ModeleInvalide(f"ligne {node.lineno}", construction=type(node).__name__)
    for child in node.iter_child_nodes():
        _check_node(child, depth + 1)


def _renders(node: nodes.Node) -> bool:
    """Whether *node* can be rendered whatever its variables hold: a mail never fails for its template."""
    match node:
        case nodes.Filter(name=name, args=args):
            plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
            return name in _FILTERS and plain and (not args or (name == "default" and _defaults(args)))
        case nodes.Compare(expr=first, ops=others):
            return _is_text(first) and all(one.op in _COMPARISONS and _is_text(one.expr) for one in others)
        case nodes.CondExpr(expr2=otherwise):
            return otherwise is not None
        case _:
            return True


def _defaults(args: Sequence[nodes.Expr]) -> bool:
    """Whether *args* are a text and perhaps a truth value, as `default` takes them."""
    return _is_text(args[0]) and all(isinstance(one, nodes.Const) for one in args[1:]) and len(args) <= 2


def _is_text(node: nodes.Node) -> bool:
    match node:
        case nodes.Name():
            return True
        case nodes.Const(value=value):
            return isinstance(value, str)
        case nodes.Filter(name=name, node=inner):
            return name != "default" or (inner is not None and _is_text(inner))
        case _:
            return False


def _environment(*, autoescape: bool) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(autoescape=autoescape, undefined=StrictUndefined)
    environment.globals.clear()
    return environment


_HTML, _TEXT = _environment(autoescape=True), _environment(autoescape=False)
