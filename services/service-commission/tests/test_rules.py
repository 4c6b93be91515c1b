"""Rules of bordereaux as pure functions."""

import pytest
from crm.commission import commission_pb2 as pb
from grpc_utils.errors import ChampRequis
from service_commission import rules


def test_R1_a_new_bordereau_has_the_name_that_was_asked_for() -> None:
    """In the organisation of the request."""
    bordereau = rules.new_bordereau(pb.CreateBordereauRequest(organisation_id="org-1", nom="Élan"))
    assert (bordereau.organisation_id, bordereau.nom) == ("org-1", "Élan")


def test_R1_a_bordereau_without_a_name_is_refused() -> None:
    """The refusal names the field."""
    with pytest.raises(ChampRequis) as refused:
        rules.new_bordereau(pb.CreateBordereauRequest(organisation_id="org-1"))
    assert refused.value.metadata == {"champ": "nom"}


def test_R1_an_update_cannot_clear_the_name() -> None:
    """A field that is absent changes nothing."""
    assert rules.bordereau_changes(pb.UpdateBordereauRequest(id="1")) == {}
    with pytest.raises(ChampRequis):
        rules.bordereau_changes(pb.UpdateBordereauRequest(id="1", nom=""))
