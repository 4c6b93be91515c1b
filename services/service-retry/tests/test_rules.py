"""Rules of politiques as pure functions."""

import pytest
from crm.retry import retry_pb2 as pb
from grpc_utils.errors import ChampRequis
from service_retry import rules


def test_R1_a_new_politique_has_the_name_that_was_asked_for() -> None:
    """In the organisation of the request."""
    politique = rules.new_politique(pb.CreatePolitiqueRequest(organisation_id="org-1", nom="Élan"))
    assert (politique.organisation_id, politique.nom) == ("org-1", "Élan")


def test_R1_a_politique_without_a_name_is_refused() -> None:
    """The refusal names the field."""
    with pytest.raises(ChampRequis) as refused:
        rules.new_politique(pb.CreatePolitiqueRequest(organisation_id="org-1"))
    assert refused.value.metadata == {"champ": "nom"}


def test_R1_an_update_cannot_clear_the_name() -> None:
    """A field that is absent changes nothing."""
    assert rules.politique_changes(pb.UpdatePolitiqueRequest(id="1")) == {}
    with pytest.raises(ChampRequis):
        rules.politique_changes(pb.UpdatePolitiqueRequest(id="1", nom=""))
