"""RetryPolicyService: the policies of an organisation, and the one that applies to a société.

What a policy may say, and which one applies, is in `policy_rules.py`.
"""

from crm.common.common_pb2 import DeleteResponse
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryPolicyServiceServicer
from db_utils import Listing, Reader
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import EncoreUtilise
from service_kit import App, Settings
from sqlalchemy import String, bindparam, select

from service_retry import policy_rules
from service_retry.models import RetryPolicy, RetrySchedule

POLICIES = Listing(
    RetryPolicy,
    sorts=("priority desc", "nom"),
    filters=("societe_id", "actif"),
    search=RetryPolicy.recherche_cle,
)
_IN_USE = (
    select(RetrySchedule.id)
    .where(RetrySchedule.policy_id == bindparam("policy_id"), ~RetrySchedule.is_resolved)
    .limit(1)
)
_ACTIVE = select(RetryPolicy).where(
    RetryPolicy.actif, RetryPolicy.societe_id.in_(("", bindparam("societe_id", type_=String)))
)


class RetryPolicyService(RetryPolicyServiceServicer):
    """Policies of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateRetryPolicyRequest, context: Context) -> pb.RetryPolicy:
        """Add an active policy (R3, R4)."""
        async with self._db.transaction() as tx:
            policy = await tx.insert(policy_rules.new_policy(request))
        return to_message(policy, pb.RetryPolicy)

    async def Get(self, request: pb.GetRetryPolicyRequest, context: Context) -> pb.RetryPolicy:
        """Read a policy."""
        return to_message(found(await self._db.read().get(RetryPolicy, request.id)), pb.RetryPolicy)

    async def List(
        self, request: pb.ListRetryPoliciesRequest, context: Context
    ) -> pb.ListRetryPoliciesResponse:
        """List policies, those of the highest priority first, or by name."""
        page = await page_of(POLICIES, self._db.read(), request)
        return list_answer(pb.ListRetryPoliciesResponse, page)

    async def Update(self, request: pb.UpdateRetryPolicyRequest, context: Context) -> pb.RetryPolicy:
        """Change the fields that the request carries, for schedules to come (R3, R4)."""
        async with self._db.transaction() as tx:
            policy = found(await tx.get(RetryPolicy, request.id, lock=True))
            changed = policy_rules.policy_changes(policy, request)
            await tx.update(policy, expected=expected_version(request), **changed)
        return to_message(policy, pb.RetryPolicy)

    async def Delete(self, request: pb.DeleteRetryPolicyRequest, context: Context) -> DeleteResponse:
        """Remove a policy that no unresolved schedule follows."""
        async with self._db.transaction() as tx:
            # The lock keeps new schedules, which refer to the row, out until the end.
            policy = await tx.get(RetryPolicy, request.id, lock=True)
            if policy is not None:
                if await tx.one(_IN_USE, policy_id=policy.id):
                    raise EncoreUtilise
                await tx.delete(policy)
        return DeleteResponse(success=policy is not None)


async def policy_for(reader: Reader, societe_id: str) -> RetryPolicy | None:
    """The policy for *societe_id* in the organisation of the scope, None for the built-in one (R3)."""
    return policy_rules.applying(await reader.all(_ACTIVE, societe_id=societe_id), societe_id)
