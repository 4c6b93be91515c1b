"""Translation of failures into what the client is told (G3)."""

import grpc
import pytest
from gateway.problems import Problem, problem_of
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc.aio import AioRpcError, Metadata
from grpc_utils.errors import (
    CircuitOuvert,
    DependanceIndisponible,
    TropDeRequetes,
    Unimplemented,
    VersionPerimee,
)

Code = grpc.StatusCode


def refusal(code: grpc.StatusCode, reason: str = "RAISON", **metadata: str) -> AioRpcError:
    """Error of a call that a service has refused."""
    status = Status(code=code.value[0])
    status.details.add().Pack(ErrorInfo(reason=reason, metadata=metadata))
    details = ("grpc-status-details-bin", status.SerializeToString())
    return AioRpcError(code, Metadata(), Metadata(details), "Une phrase.")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.INVALID_ARGUMENT, 400),
        (Code.UNAUTHENTICATED, 401),
        (Code.PERMISSION_DENIED, 403),
        (Code.NOT_FOUND, 404),
        (Code.ALREADY_EXISTS, 409),
        (Code.ABORTED, 409),
        (Code.FAILED_PRECONDITION, 409),
        (Code.OUT_OF_RANGE, 416),
        (Code.RESOURCE_EXHAUSTED, 429),
        (Code.UNAVAILABLE, 503),
        (Code.DEADLINE_EXCEEDED, 504),
    ],
)
def test_G3_each_code_of_grpc_has_its_status(code: grpc.StatusCode, status: int) -> None:
    """Each gRPC code has its HTTP status, with the reason and sentence of the service."""
    problem = problem_of(refusal(code))
    assert (problem.status, problem.code, problem.message) == (status, "RAISON", "Une phrase.")
    assert problem.retryable == (status in (429, 503, 504))


@pytest.mark.parametrize("code", [Code.INTERNAL, Code.UNKNOWN, Code.UNIMPLEMENTED, Code.DATA_LOSS])
def test_G3_other_codes_tell_nothing(code: grpc.StatusCode) -> None:
    """Any other code is 500 with a neutral sentence, whatever the service has said."""
    problem = problem_of(refusal(code, "SECRET"))
    assert (problem.status, problem.code, problem.message) == (
        500,
        "ERREUR_INTERNE",
        "Une erreur interne est survenue.",
    )


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (refusal(Code.RESOURCE_EXHAUSTED, retry_after_s="540"), "540"),
        (refusal(Code.RESOURCE_EXHAUSTED), "60"),
        (refusal(Code.RESOURCE_EXHAUSTED, retry_after_s="-1"), "60"),
        (refusal(Code.UNAVAILABLE), "5"),
        (CircuitOuvert(service="auth"), "5"),
        (TropDeRequetes(retry_after_s="7"), "7"),
    ],
    ids=["known", "unknown", "nonsense", "unavailable", "circuit", "own"],
)
def test_G3_who_should_wait_is_told_how_long(error: Exception, wait: str) -> None:
    """The wait is in the header Retry-After and in the body."""
    problem = problem_of(error)
    assert problem.all_headers["retry-after"] == wait
    assert f'"retryAfter":{wait}' in bytes(problem.response("id").body).decode()


def test_G3_a_silent_service_is_503_and_a_slow_one_504() -> None:
    """The kernel raises one refusal for both; its cause decides the status."""
    problems = {}
    for code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
        error = DependanceIndisponible(service="users")
        error.__cause__ = AioRpcError(code, Metadata(), Metadata(), "connection refused by 10.0.0.7")
        problems[code] = problem_of(error)
    assert [problem.status for problem in problems.values()] == [503, 504]
    assert {problem.code for problem in problems.values()} == {"DEPENDANCE_INDISPONIBLE"}
    assert "10.0.0.7" not in "".join(problem.message for problem in problems.values())


def test_G3_what_a_service_says_of_its_own_absence_is_passed_on() -> None:
    """A reason of the called service, as GOOGLE_INDISPONIBLE, is kept."""
    error = DependanceIndisponible(service="auth")
    error.__cause__ = refusal(Code.UNAVAILABLE, "GOOGLE_INDISPONIBLE")
    assert (problem_of(error).status, problem_of(error).code) == (503, "GOOGLE_INDISPONIBLE")


def test_G3_who_gives_no_reason_is_not_quoted() -> None:
    """Details without a reason, which a library may have written, are not shown."""
    details = ("grpc-status-details-bin", b"\xff\xff")
    error = AioRpcError(Code.NOT_FOUND, Metadata(), Metadata(details), "/home/crm/app.py line 7")
    assert (problem_of(error).status, problem_of(error).code) == (404, "NOT_FOUND")
    assert "/home" not in problem_of(error).message


def test_G3_a_bug_is_told_as_nothing() -> None:
    """Text of an unexpected exception never reaches a client."""
    assert problem_of(KeyError("password")) == Problem(
        500, "ERREUR_INTERNE", "Une erreur interne est survenue."
    )


def test_G3_a_refusal_of_another_code_tells_nothing() -> None:
    """A refusal of the kernel without an HTTP status is ERREUR_INTERNE."""
    assert problem_of(Unimplemented()).code == "ERREUR_INTERNE"


def test_G3_a_refusal_of_our_own_has_its_reason() -> None:
    """A refusal raised in the gateway is told like one of a service."""
    problem = problem_of(VersionPerimee())
    assert (problem.status, problem.code) == (409, "VERSION_PERIMEE")
