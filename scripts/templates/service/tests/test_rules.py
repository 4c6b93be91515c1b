"""Rules of fiches as pure functions."""

import pytest
from crm.registre import registre_pb2 as pb
from grpc_utils.errors import ChampRequis
from service_registre import rules


def test_R1_a_new_fiche_has_the_name_that_was_asked_for() -> None:
    """In the organisation of the request."""
    fiche = rules.new_fiche(pb.CreateFicheRequest(organisation_id="org-1", nom="Élan"))
    assert (fiche.organisation_id, fiche.nom) == ("org-1", "Élan")


def test_R1_a_fiche_without_a_name_is_refused() -> None:
    """The refusal names the field."""
    with pytest.raises(ChampRequis) as refused:
        rules.new_fiche(pb.CreateFicheRequest(organisation_id="org-1"))
    assert refused.value.metadata == {"champ": "nom"}


def test_R1_an_update_cannot_clear_the_name() -> None:
    """A field that is absent changes nothing."""
    assert rules.fiche_changes(pb.UpdateFicheRequest(id="1")) == {}
    with pytest.raises(ChampRequis):
        rules.fiche_changes(pb.UpdateFicheRequest(id="1", nom=""))
