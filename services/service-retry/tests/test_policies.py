"""RetryPolicyService: the policies of an organisation."""

from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryPolicyServiceStub
from grpc import StatusCode
from service_testing import refusal


async def test_R4_a_policy_is_made_of_defaults(policies: RetryPolicyServiceStub, org: str) -> None:
    """What Create answers is what Get finds."""
    made = await policies.Create(pb.CreateRetryPolicyRequest(nom="Souple"))
    expected = pb.RetryPolicy(
        id=made.id,
        organisation_id=org,
        nom="Souple",
        retry_delays_days=[5, 10, 20],
        max_attempts=3,
        max_total_days=30,
        retryable_codes=["AM04", "MS03"],
        stop_on_payment_settled=True,
        stop_on_contract_cancelled=True,
        stop_on_mandate_revoked=True,
        notifier_client=True,
        actif=True,
        created_at=made.created_at,
        updated_at=made.updated_at,
        version=1,
    )
    assert expected == made == await policies.Get(pb.GetRetryPolicyRequest(id=made.id))


async def test_R1_a_closed_account_is_in_no_policy(policies: RetryPolicyServiceStub) -> None:
    """The refusal names the code."""
    told = await refusal(policies.Create(pb.CreateRetryPolicyRequest(nom="Dure", retryable_codes=["ac04"])))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CODE_NON_REPRESENTABLE",
        {"champ": "retryable_codes", "code": "AC04"},
    )


async def test_R4_delays_that_fall_are_refused(policies: RetryPolicyServiceStub) -> None:
    """Nothing is stored."""
    told = await refusal(policies.Create(pb.CreateRetryPolicyRequest(nom="Dure", retry_delays_days=[10, 5])))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "DELAIS_INVALIDES")
    assert not (await policies.List(pb.ListRetryPoliciesRequest())).policies


async def test_R3_a_scope_has_one_active_default(policies: RetryPolicyServiceStub) -> None:
    """Another société, and an inactive former default, stand in nobody's way."""
    first = await policies.Create(pb.CreateRetryPolicyRequest(nom="Une", is_default=True))
    await policies.Create(pb.CreateRetryPolicyRequest(nom="Autre", is_default=True, societe_id="soc-1"))
    told = await refusal(policies.Create(pb.CreateRetryPolicyRequest(nom="Deux", is_default=True)))
    assert (told.code, told.reason, told.metadata["id"]) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        first.id,
    )
    await policies.Update(pb.UpdateRetryPolicyRequest(id=first.id, actif=False))
    second = await policies.Create(pb.CreateRetryPolicyRequest(nom="Deux", is_default=True))
    assert second.is_default


async def test_R3_policies_are_listed_by_priority(policies: RetryPolicyServiceStub) -> None:
    """The highest one first; those of one société, and active ones, if asked for."""
    for nom, priority, societe_id in (("Basse", 0, ""), ("Haute", 9, "soc-1"), ("Élan", 5, "soc-1")):
        await policies.Create(pb.CreateRetryPolicyRequest(nom=nom, priority=priority, societe_id=societe_id))
    listed = await policies.List(pb.ListRetryPoliciesRequest())
    assert [policy.nom for policy in listed.policies] == ["Haute", "Élan", "Basse"]
    of_one = await policies.List(pb.ListRetryPoliciesRequest(societe_id="soc-1", actif=True))
    assert [policy.nom for policy in of_one.policies] == ["Haute", "Élan"]
    assert not (await policies.List(pb.ListRetryPoliciesRequest(actif=False))).policies
