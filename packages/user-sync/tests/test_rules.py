"""Reading of tokens and events, and the waits of the queue, as pure functions."""

from datetime import timedelta
from types import MappingProxyType

import pytest
from crm.events.identity_pb2 import UserLoginEvent
from grpc_utils import Identity
from grpc_utils.providers import provider_of
from service_kit import ConfigurationError, load
from user_sync import UserSyncSettings, rules
from user_sync.rules import Central, Personne, UtilisateurNonAutorise

TYPES = ("user_type", "https://wanzo.com/user_type")


def settings(**changes: object) -> UserSyncSettings:
    """Load the settings with *changes*."""
    return load(UserSyncSettings, database_url="postgresql://localhost/crm", **changes)


def identity(organisation: str | None = "org-1", **claims: object) -> Identity:
    """Build a user of *organisation* whose token also has *claims*."""
    return Identity("user", "auth0|1", organisation, claims=MappingProxyType(claims))


@pytest.mark.parametrize(
    ("issuer", "provider"),
    [
        ("crm-auth", "local"),
        ("https://kc.example/realms/crm", "keycloak"),
        ("https://accounts.google.com", "google"),
        ("https://crm.kinde.com", "kinde"),
        ("https://tenant.auth0.com/", "auth0"),
        ("", "auth0"),
    ],
)
def test_S1_the_issuer_names_the_provider(issuer: str, provider: str) -> None:
    """Our own issuer is local, the Keycloak realm keycloak, others as configured, else auth0."""
    known = settings(
        keycloak_realm_url="https://kc.example/realms/crm/",
        issuer_providers="https://accounts.google.com=google, https://crm.kinde.com=kinde",
    )
    assert provider_of(issuer, known) == provider


def test_S1_an_unknown_provider_is_refused_at_the_start() -> None:
    """An unknown provider in the settings is refused by name."""
    with pytest.raises(ConfigurationError, match="unknown provider facebook"):
        settings(issuer_providers="x=facebook")


@pytest.mark.parametrize(
    "told",
    [
        identity(None, user_type="PME"),
        identity("", user_type="PME"),
        identity("org-1"),
        identity("org-1", user_type=""),
        identity("org-1", user_type=["PME"]),
    ],
)
def test_S4_organisation_and_type_go_together(told: Identity) -> None:
    """A token with one of the claims and without the other is refused; an empty claim is none."""
    with pytest.raises(UtilisateurNonAutorise):
        rules.is_announced(rules.personne_of(told, TYPES))


@pytest.mark.parametrize("told", [identity(None), identity(""), identity(None, user_type="")])
def test_S4_a_token_may_name_neither(told: Identity) -> None:
    """A token of an issuer that is no part of the synchronisation is not refused."""
    assert not rules.is_announced(rules.personne_of(told, TYPES))


@pytest.mark.parametrize("name", TYPES)
def test_S4_the_type_has_one_of_several_names(name: str) -> None:
    """The type may stand in any of its claims."""
    personne = rules.personne_of(identity(**{name: "PME"}), TYPES)
    assert (rules.is_announced(personne), personne.user_type) == (True, "PME")


def test_S5_a_token_tells_who_somebody_is() -> None:
    """Names, address and picture are read from the standard claims, in stored form."""
    told = identity(
        email="Jeanne@Exemple.fr",
        given_name=" Jeanne ",
        family_name="Lefe\u0301vre",
        picture="https://exemple.fr/j.png",
        user_type="PME",
    )
    assert rules.personne_of(told, TYPES) == Personne(
        "auth0|1", "org-1", "Jeanne@Exemple.fr", "Jeanne", "Lefévre", "https://exemple.fr/j.png", "PME"
    )


@pytest.mark.parametrize("value", [None, 7, ["Jeanne"], {"a": "b"}, "Jean\0ne", "\x1b[31m"])
def test_S5_a_claim_that_is_no_text_says_nothing(value: object) -> None:
    """A claim of another type, or with control characters, counts as not told."""
    assert rules.personne_of(identity(given_name=value), TYPES).first_name == ""


def test_S5_a_claim_that_is_too_long_is_cut() -> None:
    """Claims are cut to what their column holds."""
    personne = rules.personne_of(identity(family_name="x" * 101, email="y" * 300), TYPES)
    assert (len(personne.last_name), len(personne.email)) == (100, 255)


def test_S5_users_is_told_everything_at_once() -> None:
    """The request holds the name made of its parts, and metadata with the source."""
    told = identity(given_name="Jeanne", email="j@exemple.fr", email_verified=True, user_type="PME")
    personne = rules.personne_of(told, TYPES)
    request = rules.sync_request(personne, told, "kinde", "accounting-service", {"firstLoginFrom": "a"})
    assert (request.auth0_id, request.fournisseur, request.name) == ("auth0|1", "kinde", "Jeanne")
    assert (request.email_verifie, request.company_id, request.user_type) == (True, "org-1", "PME")
    assert dict(request.metadata) == {"source": "accounting-service", "firstLoginFrom": "a"}
    assert request.service_name == "accounting-service"


def test_S12_waits_grow_to_an_hour() -> None:
    """Waits are two minutes, ten, and an hour from then on."""
    minutes = [rules.wait_after(attempts) / timedelta(minutes=1) for attempts in (1, 2, 3, 4, 200)]
    assert minutes == [2, 10, 60, 60, 60]


@pytest.mark.parametrize(
    ("name", "names"),
    [("Jean Dupont de Nemours", ("Jean", "Dupont de Nemours")), ("Jean", ("Jean", "")), ("", ("", ""))],
)
def test_S17_an_event_tells_first_and_last_name(name: str, names: tuple[str, str]) -> None:
    """The first word of the name is the first name, the rest the last name."""
    personne, _ = rules.announced(UserLoginEvent(name=name))
    assert (personne.first_name, personne.last_name) == names


def test_S16_the_institution_comes_before_the_company() -> None:
    """The institution is the organisation where both are named."""
    event = UserLoginEvent(user_id="u-1", role="ADMIN", company_id="c", financial_institution_id="f")
    personne, central = rules.announced(event)
    assert (personne.organisation_id, central) == ("f", Central("u-1", "ADMIN"))
    assert rules.announced(UserLoginEvent(company_id="c"))[0].organisation_id == "c"


def test_S13_a_role_that_is_none_of_ours_says_nothing() -> None:
    """An unknown role counts as not told: roles are information only."""
    assert (rules.known_role("MANAGER"), rules.known_role("manager"), rules.known_role("")) == (
        "MANAGER",
        "",
        "",
    )


def test_permissions_are_what_the_token_lists() -> None:
    """Permissions are the texts in a list claim, and none otherwise."""
    assert rules.permissions_of(identity(permissions=["a", 1, "b"])) == ("a", "b")
    assert rules.permissions_of(identity(permissions="a b")) == ()
