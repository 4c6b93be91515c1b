"""Rules of policies and of codes as pure functions."""

from typing import Any

import pytest
from crm.retry import retry_pb2 as pb
from db_utils import uuid7
from grpc_utils.errors import InvalidArgument
from service_kit import rejets
from service_retry import codes, policy_rules
from service_retry.models import RetryPolicy
from service_retry.policy_rules import Snapshot

_NEVER = [
    *("AC01", "AC04", "AC06", "AC13", "AG01", "RC01", "DNOR", "MD01", "MD02", "MS02", "MD06", "SL01"),
    *("MD07", "RR04", "CNOR", "BE05", "AG02", "AM05", "FF01", "FF05", "RR01", "RR02", "RR03", "ED05", "TM01"),
]


def _request(**fields: Any) -> pb.CreateRetryPolicyRequest:
    return pb.CreateRetryPolicyRequest(organisation_id="org-1", nom="Souple", **fields)


def _policy(**fields: Any) -> RetryPolicy:
    policy = policy_rules.new_policy(_request())
    policy.__dict__.update(fields)
    return policy


@pytest.mark.parametrize("code", _NEVER)
def test_R1_no_policy_makes_another_class_retryable(code: str) -> None:
    """Whatever a policy says, and it may not even say it."""
    assert codes.obstacle(code, [code]) is not None
    with pytest.raises(policy_rules.CodeNonRepresentable):
        policy_rules.codes(["AM04", code])


@pytest.mark.parametrize(
    ("code", "retryable", "told"),
    [
        ("AM04", ("AM04", "MS03"), None),
        ("MS03", ("AM04", "MS03"), None),
        ("MS03", ("AM04",), "motif non communiqué par la banque : motif non représenté par la politique"),
        ("AC04", ("AM04", "MS03"), "compte clôturé : nouvelles coordonnées bancaires nécessaires"),
        ("MD06", ("AM04", "MS03"), "demande de remboursement du débiteur : client à contacter"),
    ],
)
def test_R1_what_stands_in_the_way_is_told(code: str, retryable: tuple[str, ...], told: str | None) -> None:
    """A policy may shorten the list of reasons."""
    assert codes.obstacle(code, retryable) == told


@pytest.mark.parametrize("code", ["INCONNU", "DU01", "NARR", "X", ""])
def test_R2_an_unknown_code_is_never_retried(code: str) -> None:
    """Proprietary codes and the mark of none included."""
    assert codes.obstacle(rejets.normal_code(code), ("AM04", "MS03")) == "code inconnu"


def test_R2_codes_are_compared_trimmed_and_in_capitals() -> None:
    """Once each."""
    assert rejets.normal_code(" am04\n") == "AM04"
    assert policy_rules.codes([" am04", "AM04", "ms03 "]) == ["AM04", "MS03"]


def test_R2_a_policy_names_known_codes_only() -> None:
    """The refusal names the field."""
    with pytest.raises(InvalidArgument) as refused:
        policy_rules.codes(["ZZ99"])
    assert (refused.value.reason, refused.value.metadata) == (
        "VALEUR_INCONNUE",
        {"champ": "retryable_codes"},
    )


def test_R3_the_built_in_policy_has_the_usual_figures() -> None:
    """5, 10 and 20 days, 3 attempts within 30 days, for AM04 and MS03."""
    assert Snapshot.read(policy_rules.snapshot_of(None, 4).stored()) == Snapshot(
        retry_delays_days=(5, 10, 20),
        max_attempts=3,
        max_total_days=30,
        retryable_codes=("AM04", "MS03"),
        stop_on_payment_settled=True,
        stop_on_contract_cancelled=True,
        stop_on_mandate_revoked=True,
        notifier_client=True,
        delai_remise=4,
    )


def test_R3_a_snapshot_keeps_the_figures_of_its_policy() -> None:
    """A later edit of the row changes nothing."""
    policy = policy_rules.new_policy(_request(retry_delays_days=[3, 6], notifier_client=False))
    snapshot = policy_rules.snapshot_of(policy, 2)
    policy.__dict__.update(retry_delays_days=[7], max_attempts=1)
    assert (snapshot.retry_delays_days, snapshot.max_attempts) == ((3, 6), 2)
    assert not snapshot.notifier_client


@pytest.mark.parametrize(
    ("policies", "societe_id", "chosen"),
    [
        ([], "soc-1", None),
        ([("", True, 0)], "soc-1", 0),
        ([("", True, 0), ("soc-1", True, 0)], "soc-1", 1),
        ([("", True, 0), ("soc-1", True, 0)], "soc-2", 0),
        ([("", True, 0), ("soc-1", True, 0)], "", 0),
        ([("soc-1", True, 0), ("soc-1", False, 0)], "soc-1", 0),
        ([("soc-1", True, 9), ("soc-1", False, 1)], "soc-1", 1),
        ([("soc-1", False, 1), ("soc-1", False, 3)], "soc-1", 1),
        ([("soc-1", False, 3), ("soc-1", False, 3)], "soc-1", 0),
        ([("soc-1", False, 0)], "soc-1", None),
        ([("soc-1", False, 0), ("", True, 0)], "soc-1", 1),
        ([("", False, 5), ("soc-1", True, 0)], "soc-1", 1),
    ],
)
def test_R3_the_nearest_policy_applies(
    policies: list[tuple[str, bool, int]], societe_id: str, chosen: int | None
) -> None:
    """Of the société, else of the organisation, else built-in; a priority above 0 beats the default."""
    rows = [
        _policy(id=uuid7(), societe_id=scope, is_default=default, priority=priority)
        for scope, default, priority in policies
    ]
    applied = policy_rules.applying(rows, societe_id)
    assert applied is (None if chosen is None else rows[chosen])


def test_R3_an_inactive_policy_applies_to_nothing() -> None:
    """Not even as the default."""
    assert policy_rules.applying([_policy(is_default=True, actif=False)], "") is None


@pytest.mark.parametrize(
    ("fields", "champ"),
    [
        ({"retry_delays_days": [10, 5]}, "retry_delays_days"),
        ({"retry_delays_days": [0]}, "retry_delays_days"),
        ({"retry_delays_days": [1]}, "retry_delays_days"),
        ({"retry_delays_days": [5, 5]}, "retry_delays_days"),
        ({"retry_delays_days": [100]}, "retry_delays_days"),
        ({"retry_delays_days": [31]}, "retry_delays_days"),
        ({"retry_delays_days": list(range(2, 13))}, "retry_delays_days"),
        ({"max_total_days": 15}, "retry_delays_days"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 11}, "max_attempts"),
        ({"max_attempts": -1}, "max_attempts"),
        ({"max_attempts": 4}, "max_attempts"),
        ({"max_total_days": 0}, "max_total_days"),
        ({"max_total_days": 91}, "max_total_days"),
    ],
)
def test_R4_figures_have_limits(fields: dict[str, Any], champ: str) -> None:
    """In a new policy and in one that is changed alike."""
    with pytest.raises(InvalidArgument) as refused:
        policy_rules.new_policy(_request(**fields))
    assert refused.value.metadata == {"champ": champ}
    with pytest.raises(InvalidArgument):
        policy_rules.policy_changes(_policy(), pb.UpdateRetryPolicyRequest(**fields))


def test_R4_as_many_attempts_as_delays_unless_it_is_said() -> None:
    """At most three."""
    made = [
        policy_rules.new_policy(_request(retry_delays_days=delays)).max_attempts
        for delays in ([2], [2, 4], [2, 4, 8, 16])
    ]
    assert made == [1, 2, 3]


def test_R4_an_update_changes_what_it_names() -> None:
    """Lists that are empty stay as they are."""
    request = pb.UpdateRetryPolicyRequest(retry_delays_days=[4, 8, 12], actif=False, societe_id="")
    assert policy_rules.policy_changes(_policy(), request) == {
        "retry_delays_days": [4, 8, 12],
        "actif": False,
        "societe_id": "",
    }
