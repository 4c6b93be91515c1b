"""Rules of remises as pure functions."""

import pytest
from crm.payments import payments_pb2 as pb
from grpc_utils.errors import ChampRequis
from service_payments import rules


def test_R1_a_new_remise_has_the_name_that_was_asked_for() -> None:
    """In the organisation of the request."""
    remise = rules.new_remise(pb.CreateRemiseRequest(organisation_id="org-1", nom="Élan"))
    assert (remise.organisation_id, remise.nom) == ("org-1", "Élan")


def test_R1_a_remise_without_a_name_is_refused() -> None:
    """The refusal names the field."""
    with pytest.raises(ChampRequis) as refused:
        rules.new_remise(pb.CreateRemiseRequest(organisation_id="org-1"))
    assert refused.value.metadata == {"champ": "nom"}


def test_R1_an_update_cannot_clear_the_name() -> None:
    """A field that is absent changes nothing."""
    assert rules.remise_changes(pb.UpdateRemiseRequest(id="1")) == {}
    with pytest.raises(ChampRequis):
        rules.remise_changes(pb.UpdateRemiseRequest(id="1", nom=""))
