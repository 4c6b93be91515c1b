"""Rules of persons, passwords and memberships as pure functions."""

from typing import Any

import pytest
from crm.users import users_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_utils.errors import FormatInvalide, TropLong
from service_users import personnes, rules
from service_users.models import Utilisateur
from service_users.personnes import Personne

ANNE: dict[str, Any] = {"fournisseur": "auth0", "sujet": "s", "source": "profil", "email": "anne@exemple.fr"}


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (("", "", ""), ("", "")),
        (("", "", "Anne"), ("Anne", "")),
        (("", "", "  Anne   de la  Tour "), ("Anne", "de la Tour")),
        (("Anne", "", "Autre Nom"), ("Anne", "")),
        (("", "Martin", "Autre Nom"), ("", "Martin")),
        (("", "", "A" * 150 + " " + "B" * 150), ("A" * 100, "B" * 100)),
    ],
)
def test_R3_one_name_stands_in_for_two(told: tuple[str, str, str], names: tuple[str, str]) -> None:
    """A single name is split at its first word, and counts only if neither of the two is told."""
    assert personnes.names(*told) == names


def test_R3_who_is_not_named_is_called_after_the_address() -> None:
    """A person without any name is called User, and by what stands before the @."""
    assert personnes.default_names(Personne(**ANNE)) == ("User", "anne")
    assert personnes.default_names(Personne(**ANNE, nom="Martin")) == ("", "Martin")


@pytest.mark.parametrize(
    ("said", "fournisseur", "vouched"),
    [
        (True, "auth0", True),
        (False, "auth0", False),
        (None, "auth0", True),
        (None, "kinde", False),
        (True, "kinde", True),
    ],
)
def test_R8_who_vouches_for_an_address(said: bool | None, fournisseur: str, vouched: bool) -> None:
    """A source vouches by its own word, which counts most, or by the trust in its provider."""
    personne = Personne(**(ANNE | {"fournisseur": fournisseur, "email_verifie": said}))
    assert personnes.vouched(personne, ("auth0",)) is vouched


def test_R8_only_what_is_told_is_refreshed() -> None:
    """Empty texts change nothing; a type that is known stays."""
    utilisateur = personnes.new_utilisateur(Personne(**ANNE, nom="Martin"), ("crm",), verified=True)
    told = Personne(**ANNE, prenom="Anne", type_utilisateur="COURTIER")
    assert personnes.told_anew(utilisateur, told) == {"prenom": "Anne", "type_utilisateur": "COURTIER"}
    typed = Utilisateur(
        email="a@exemple.fr", applications=[], source_creation="local", type_utilisateur="AGENT"
    )
    assert personnes.told_anew(typed, told) == {"prenom": "Anne"}


def test_R14_three_keys_of_metadata_are_kept() -> None:
    """The three keys are kept if they hold a text or a truth value."""
    metadata = Struct()
    metadata.update(
        {"source": "x", "firstLoginFrom": "crm", "existingUser": True, "autre": "x", "password": "x"}
    )
    assert rules.kept_metadata(metadata) == {"source": "x", "firstLoginFrom": "crm", "existingUser": True}
    nested = Struct()
    nested.update({"source": {"a": "b"}, "existingUser": None})
    assert rules.kept_metadata(nested) == {}


def test_R14_metadata_have_at_most_4_KiB() -> None:
    """Metadata of 4,096 bytes are taken, larger ones refused."""
    metadata = Struct()
    metadata.update({"source": ""})
    room = 4096 - metadata.ByteSize()
    metadata.update({"source": "x" * (room - 4)})  # lengths beyond 127 take another byte, four times
    assert metadata.ByteSize() <= 4096
    assert rules.kept_metadata(metadata)
    metadata.update({"source": "x" * (room + 1)})
    with pytest.raises(TropLong):
        rules.kept_metadata(metadata)


@pytest.mark.parametrize(
    "text",
    [
        "http://exemple.fr/a.png",
        "//exemple.fr/a.png",
        "/a.png",
        "javascript:alert(1)",
        "https://",
        "https://x@exemple.fr/a.png",
        "https://exemple.fr/a b.png",
        "https://[exemple.fr/a.png",
        "https://exemple.fr/" + "a" * 2048,
    ],
)
def test_a_picture_is_at_an_https_address(text: str) -> None:
    """Other addresses are refused from people, and left out from providers."""
    with pytest.raises((FormatInvalide, TropLong)):
        rules.picture_url(text)
    assert personnes.outer_url(text) == ""


def test_C10_an_address_that_reads_backwards_is_put_right() -> None:
    """A provider's address loses its format characters; people's texts have lost them before."""
    assert personnes.outer_url("https://exemple.fr/\u202egnp.exe") == "https://exemple.fr/gnp.exe"
    with pytest.raises(FormatInvalide):
        rules.picture_url("https://exemple.fr/\u202egnp.exe")


@pytest.mark.parametrize("told", [None, 7, [], {}, True, "a\u0000b", "a\ud800b"])
def test_what_a_provider_tells_may_be_anything(told: object) -> None:
    """Values that are no text, or none that can be kept, count as not told."""
    assert (personnes.outer_email(told), personnes.outer_url(told)) == ("", "")


def test_R4_an_account_that_a_service_makes_active_is_not_suspended_any_more() -> None:
    """A service's `actif` forgets the provider's suspension; an address is taken in stored form."""
    request = pb.UpdateUtilisateurRequest(email="B@exemple.fr", actif=True)
    changed = rules.utilisateur_changes(request, internal=True)
    assert changed == {"email": "b@exemple.fr", "actif": True, "suspendu_par_fournisseur": False}
