"""Templates: allowed and forbidden constructions, and rendering."""

import pytest
from service_email.modeles import (
    LARGEST,
    ModeleInvalide,
    RenduTropLong,
    VariableManquante,
    render,
    used_variables,
)
from service_email.models import Modele


def modele(sujet: str = "Bonjour", html: str = "<p></p>", texte: str | None = None) -> Modele:
    """A template of these parts."""
    return Modele(
        organisation_id=None,
        code="ESSAI",
        langue="fr",
        sujet=sujet,
        corps_html=html,
        corps_texte=texte,
        variables=[],
    )


def test_R08_variables_are_escaped_in_html_only() -> None:
    """A client named <script> is escaped in HTML and unchanged in subject and text."""
    rendu = render(modele("{{ nom }}", "<p>{{ nom }}</p>", "{{ nom }}"), {"nom": "<script>'&"})
    assert rendu.html == "<p>&lt;script&gt;&#39;&amp;</p>"
    assert (rendu.sujet, rendu.texte) == ("<script>'&", "<script>'&")


def test_R08_a_subject_is_one_line() -> None:
    """Line breaks from the template or its variables become spaces."""
    assert render(modele("Bienvenue {{ prenom }}"), {"prenom": " \r\nBcc: z "}).sujet == "Bienvenue Bcc: z"
    assert render(modele("Bienvenue {{ prenom }}"), {"prenom": ""}).sujet == "Bienvenue"


@pytest.mark.parametrize(
    "source", ["{{ nom }}", "{% if nom %}x{% endif %}", "{% if a %}{{ nom }}{% endif %}"]
)
def test_R08_an_undefined_variable_is_named(source: str) -> None:
    """VARIABLE_MANQUANTE names a variable of a branch that is not taken, too."""
    with pytest.raises(VariableManquante) as refused:
        render(modele(html=source), {"a": ""})
    assert refused.value.metadata == {"variable": "nom"}


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ nom['__class__'] }}",
        "{{ nom|attr('__class__') }}",
        "{{ nom.upper() }}",
        "{{ range(9) }}",
        "{{ nom|safe }}",
        "{{ nom|replace('a', 'aaaaaaaaa') }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% for a in nom %}{% endfor %}",
        "{% set a = nom ~ nom %}",
        "{% macro a() %}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% extends 'a' %}",
        "{% import 'a' as a %}",
        "{% autoescape false %}{{ nom }}{% endautoescape %}",
        "{{ nom",
        "{% if nom %}",
        "{% inconnu %}",
        "{{ " + "not " * 60 + "nom }}",
    ],
)
def test_R08_a_template_reaches_nothing_and_repeats_nothing(source: str) -> None:
    """Attributes, calls, files, loops and anything that multiplies are MODELE_INVALIDE, as are errors."""
    with pytest.raises(ModeleInvalide):
        render(modele(html=source), {"nom": "Dupont"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ nom|upper(1) }}",
        "{{ nom|trim(5) }}",
        "{{ nom|default(3) }}",
        "{{ nom|default('a', b=1) }}",
        "{% if nom < 3 %}{% endif %}",
        "{% if nom >= nom %}{% endif %}",
        "{% if 1 in nom %}{% endif %}",
        "{% if nom in (nom == nom) %}{% endif %}",
        "{% if nom in ((nom == nom)|default('a')) %}{% endif %}",
        "{{ 'a' if nom }}",
    ],
)
def test_R08_what_may_fail_with_some_value_is_no_template(source: str) -> None:
    """A template that was accepted is rendered whatever its variables hold: no mail fails for it."""
    with pytest.raises(ModeleInvalide):
        used_variables(modele(html=source))


@pytest.mark.parametrize(
    "source",
    [
        "{{ nom|default('a') }}{{ nom|default('a', true) }}",
        "{% if nom in 'abc' and not (nom|upper == 'A' or 'x' not in nom) %}{% endif %}",
        "{{ 'a' if nom else 'b' }}{{ 3 }}{{ (nom == 'a')|upper }}{{ nom|title|trim|e }}",
    ],
)
@pytest.mark.parametrize("value", ["", " ", "a", "<é>", "{{ nom }}"])
def test_R08_what_is_accepted_is_rendered(source: str, value: str) -> None:
    """With whatever value."""
    assert used_variables(modele(html=source)) == {"nom"}
    render(modele(html=source), {"nom": value})


def test_R08_conditions_and_a_few_filters_are_there() -> None:
    """Conditions and a few filters are rendered."""
    source = "{% if nom and prenom == 'léa' %}{{ prenom|title }} {{ nom|upper }}{% else %}?{% endif %}"
    assert render(modele(html=source), {"nom": "Roy", "prenom": "léa"}).html == "Léa ROY"
    many = " and ".join(["nom"] * 40)
    assert render(modele(html=f"{{% if {many} %}}oui{{% endif %}}"), {"nom": "Roy"}).html == "oui"


def test_R08_a_rendered_part_has_at_most_512_kib() -> None:
    """A part of 512 KiB is rendered; one byte more is refused."""
    source = "{{ a }}" * 256
    assert len(render(modele(html=source), {"a": "x" * 2048}).html) == LARGEST
    with pytest.raises(RenduTropLong):
        render(modele(html=source + "."), {"a": "x" * 2048})
