"""Rules of policies as pure functions: rows and changes, the policy that applies, its snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from crm.retry import retry_pb2 as pb
from grpc_utils import changes, opaque_id, required
from grpc_utils.errors import InvalidArgument, ValeurInconnue
from service_kit import rejets

from service_retry.codes import RETRYABLE
from service_retry.models import RetryPolicy

_DELAYS: Final = (5, 10, 20)
_ATTEMPTS, _DAYS = 3, 30
_MOST_ATTEMPTS, _MOST_DAYS, _SHORTEST_DELAY = 10, 90, 2
_TEXTS = ("nom", "description")
_FIGURES = ("max_attempts", "max_total_days", "actif", "is_default", "priority")
_SWITCHES = (
    "stop_on_payment_settled",
    "stop_on_contract_cancelled",
    "stop_on_mandate_revoked",
    "notifier_client",
)
_LISTS = ("retry_delays_days", "retryable_codes")


class CodeNonRepresentable(InvalidArgument):
    """Ce motif de rejet ne permet jamais une nouvelle présentation : seuls AM04 et MS03 le permettent."""


class DelaisInvalides(InvalidArgument):
    """Les délais sont 1 à 10 nombres de jours croissants, de 2 à la durée totale, un par tentative."""


class LimiteInvalide(InvalidArgument):
    """Une politique permet 1 à 10 tentatives, pendant 1 à 90 jours."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Figures of a policy as a schedule keeps them, with the *delai_remise* of the société (R3, R5)."""

    retry_delays_days: tuple[int, ...] = _DELAYS
    max_attempts: int = _ATTEMPTS
    max_total_days: int = _DAYS
    retryable_codes: tuple[str, ...] = RETRYABLE
    stop_on_payment_settled: bool = True
    stop_on_contract_cancelled: bool = True
    stop_on_mandate_revoked: bool = True
    notifier_client: bool = True
    delai_remise: int = 2

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Snapshot":
        """The snapshot that was *stored* with a schedule."""
        values: dict[str, Any] = {
            name: tuple(value) if name in _LISTS else value for name, value in stored.items()
        }
        return cls(**values)

    def stored(self) -> dict[str, Any]:
        """The snapshot as JSON."""
        return {name: list(value) if name in _LISTS else value for name, value in asdict(self).items()}


def snapshot_of(policy: RetryPolicy | None, delai_remise: int) -> Snapshot:
    """Figures of *policy*, None for the built-in one (R3)."""
    if policy is None:
        return Snapshot(delai_remise=delai_remise)
    return Snapshot(
        retry_delays_days=tuple(policy.retry_delays_days),
        max_attempts=policy.max_attempts,
        max_total_days=policy.max_total_days,
        retryable_codes=tuple(policy.retryable_codes),
        **{name: getattr(policy, name) for name in _SWITCHES},
        delai_remise=delai_remise,
    )


def applying(policies: Iterable[RetryPolicy], societe_id: str) -> RetryPolicy | None:
    """The policy for *societe_id* among the active *policies*, None for the built-in one (R3).

    The scope of the société comes before that of the organisation. Within one, the policy of the highest
    priority above 0 comes before the default; of two with one priority the older one.
    """
    active = sorted(policies, key=lambda policy: (-policy.priority, policy.id))
    for scope in dict.fromkeys((societe_id, "")):
        own = [policy for policy in active if policy.actif and policy.societe_id == scope]
        preferred = [policy for policy in own if not policy.is_default and policy.priority > 0]
        chosen = preferred or [policy for policy in own if policy.is_default]
        if chosen:
            return chosen[0]
    return None


def new_policy(request: pb.CreateRetryPolicyRequest) -> RetryPolicy:
    """The row for *request* (R4). Raises what `checked` raises, ChampRequis, FormatInvalide."""
    delays = list(request.retry_delays_days) or list(_DELAYS)
    return checked(
        RetryPolicy(
            organisation_id=request.organisation_id,
            nom=required(request.nom, "nom"),
            societe_id=opaque_id(request.societe_id, "societe_id") or "",
            description=request.description or None,
            retry_delays_days=delays,
            max_attempts=_given(request, "max_attempts", min(_ATTEMPTS, len(delays))),
            max_total_days=_given(request, "max_total_days", _DAYS),
            retryable_codes=codes(request.retryable_codes) or list(RETRYABLE),
            **{name: _given(request, name, True) for name in _SWITCHES},
            is_default=request.is_default,
            priority=request.priority,
        )
    )


def _given(request: pb.CreateRetryPolicyRequest, name: str, default: Any) -> Any:
    return getattr(request, name) if request.HasField(name) else default  # type: ignore[arg-type]  # names above


def policy_changes(policy: RetryPolicy, request: pb.UpdateRetryPolicyRequest) -> dict[str, Any]:
    """The columns of *policy* that *request* changes (R4). Raises what `checked` raises, ChampRequis."""
    changed = changes(request, (*_TEXTS, *_FIGURES, *_SWITCHES), mandatory=("nom",))
    if request.HasField("societe_id"):
        changed["societe_id"] = opaque_id(request.societe_id, "societe_id") or ""
    if request.retry_delays_days:
        changed["retry_delays_days"] = list(request.retry_delays_days)
    if request.retryable_codes:
        changed["retryable_codes"] = codes(request.retryable_codes)
    figures = ("retry_delays_days", "max_attempts", "max_total_days")
    check_figures(*(changed.get(name, getattr(policy, name)) for name in figures))
    return changed


def checked(policy: RetryPolicy) -> RetryPolicy:
    """Return *policy*. Raises LimiteInvalide, DelaisInvalides."""
    check_figures(policy.retry_delays_days, policy.max_attempts, policy.max_total_days)
    return policy


def check_figures(delays: Sequence[int], max_attempts: int, max_total_days: int) -> None:
    """Refuse figures that no policy may have (R4). Raises LimiteInvalide, DelaisInvalides."""
    if not 1 <= max_attempts <= _MOST_ATTEMPTS:
        raise LimiteInvalide(champ="max_attempts")
    if not 1 <= max_total_days <= _MOST_DAYS:
        raise LimiteInvalide(champ="max_total_days")
    increasing = all(former < later for former, later in pairwise(delays))
    within = all(_SHORTEST_DELAY <= delay <= max_total_days for delay in delays)
    if not (1 <= len(delays) <= _MOST_ATTEMPTS and increasing and within):
        raise DelaisInvalides(champ="retry_delays_days")
    if max_attempts > len(delays):
        raise DelaisInvalides(champ="max_attempts")


def codes(asked: Iterable[str]) -> list[str]:
    """Normal codes *asked* for, each once (R1, R2). Raises ValeurInconnue, CodeNonRepresentable."""
    wanted = list(dict.fromkeys(rejets.normal_code(code) for code in asked))
    for code in wanted:
        kind = rejets.class_of(code)
        if kind is None:
            raise ValeurInconnue(champ="retryable_codes")
        if kind != rejets.RETRY:
            raise CodeNonRepresentable(champ="retryable_codes", code=code)
    return wanted


def policy_id(policy: RetryPolicy | None) -> UUID | None:
    """The id of *policy*, None for the built-in one."""
    return policy.id if policy else None
