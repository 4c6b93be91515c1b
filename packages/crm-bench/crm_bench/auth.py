"""`crm bench auth`: the cost of a sign-in, and of proving a token beside a bare call."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import bcrypt
import jwt
from crm.auth import auth_pb2
from crm.users import users_pb2 as users
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from crm_cli.keys import secrets_of
from cryptography.hazmat.primitives.asymmetric import rsa
from grpc_utils import Algorithm, FixedKey, Issuer, Peers, ServiceSigner, TokenVerifier
from service_kit.environment import Secrets

from crm_bench import load
from crm_bench.echo import METHOD as ECHO
from crm_bench.echo import Guard, echo
from crm_bench.load import Target
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Report
from crm_bench.requests import Gets
from crm_bench.rpc import COLUMNS, add
from crm_bench.stages import stages

LOGIN = "/auth.AuthService/Login"
_SERVICES = ("auth", "users", "organisations", "email")
_IN_FLIGHT = 8
_PEOPLE = 4 * _IN_FLIGHT  # more than sign in at once: a second try of one person may be locked out
_TOKENS = 200  # per second of a measurement
_BCRYPT_COST = 12
_PATIENCE = 30.0  # seconds for an account: hashing queues


@dataclass(frozen=True, slots=True)
class Logins:
    """Sign-ins of one person after the other, each from an address of its own: limits are per address."""

    password: str

    def __call__(self, number: int) -> bytes:
        """The sign-in of one of the people."""
        return auth_pb2.LoginRequest(
            email=_email(number % _PEOPLE),
            mot_de_passe=self.password,
            ip=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        ).SerializeToString()


def measure(seconds: float) -> Report:
    """Measure sign-ins for *seconds*, then proofs of tokens and bare calls. Raises CommandError."""
    report = Report("auth", COLUMNS)
    with stages(5) as progress:
        with measured_mesh(_SERVICES, running=False) as mesh:
            progress.next("sign-ins")
            _measure_logins(mesh, seconds, report)
            progress.done()
        progress.next("a bare call")
        _measure_bare_call(seconds, report)
        progress.done()
        for what, timed in _proofs(max(int(_TOKENS * seconds), 1)).items():
            progress.next(what)
            each = asyncio.run(timed())
            report.add(what, **{"req/s": 1000 / each, "CPU ms/req": each})
            progress.done()
    _compare(report)
    return report


def _email(number: int) -> str:
    return f"banc{number}@exemple.fr"


def _measure_logins(mesh: BenchMesh, seconds: float, report: Report) -> None:
    secrets = secrets_of(mesh.home)
    password = token_urlsafe(16)
    asyncio.run(_make_accounts(mesh, secrets, password))
    token = ServiceSigner("gateway", secrets.keys["gateway"].private).token("auth", None)
    target = Target(mesh.address("auth"), LOGIN, token)
    signed_in = load.run(
        target, Logins(password), seconds, mesh.process("users"), mesh.database, in_flight=_IN_FLIGHT
    )
    add(report, "sign-in with a password", signed_in)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_COST))
    each = _timed(lambda: bcrypt.checkpw(password.encode(), hashed), 5)
    report.add(f"bcrypt check of cost {_BCRYPT_COST}", **{"req/s": 1000 / each, "CPU ms/req": each})


async def _make_accounts(mesh: BenchMesh, secrets: Secrets, password: str) -> None:
    signer = ServiceSigner("auth", secrets.keys["auth"].private)
    peers = Peers({"users": mesh.address("users")}, signer)
    stub: Any = peers.stub(UtilisateurServiceStub)
    await asyncio.gather(
        *(
            stub.Create(
                users.CreateUtilisateurRequest(
                    nom="Banc", prenom="Essai", email=_email(number), mot_de_passe=password
                ),
                timeout=_PATIENCE,
            )
            for number in range(_PEOPLE)
        )
    )
    await peers.close()


def _measure_bare_call(seconds: float, report: Report) -> None:
    with echo(Guard.NONE, "") as server:
        bare = load.run(Target(server.address, ECHO, ""), Gets(("an id",)), seconds, server.process)
    add(report, "bare call", bare)


def _proofs(count: int) -> dict[str, Callable[[], Coroutine[Any, Any, float]]]:
    """Return the milliseconds of one proof by the kind of its token; *count* tokens have our claims."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = token_urlsafe(48)
    by_rsa = _issued(count, "RS256", key)
    by_secret = _issued(count, "HS256", secret)
    rs256 = Issuer("banc", "RS256", FixedKey(key.public_key()))
    hs256 = Issuer("banc", "HS256", FixedKey(secret.encode()))
    return {
        "new RS256 token": lambda: _cold(rs256, by_rsa),
        "new HS256 token": lambda: _cold(hs256, by_secret),
        "known token": lambda: _warm(rs256, by_rsa),
    }


def _issued(count: int, algorithm: Algorithm, key: Any) -> Sequence[str]:
    now = int(time.time())
    claims = {"iss": "banc", "organisation_id": "org-banc", "email": "banc@exemple.fr"}
    times = {"iat": now, "exp": now + 3600}
    people = ({**claims, **times, "sub": f"personne-{number}"} for number in range(count))
    return [jwt.encode(person, key, algorithm, headers={"kid": "banc-1"}) for person in people]


async def _cold(issuer: Issuer, tokens: Sequence[str]) -> float:
    verifier = TokenVerifier([issuer])
    started = time.process_time()
    for token in tokens:
        await verifier.verify(token)
    return (time.process_time() - started) * 1000 / len(tokens)


async def _warm(issuer: Issuer, tokens: Sequence[str]) -> float:
    verifier = TokenVerifier([issuer])
    await verifier.verify(tokens[0])
    return _timed(lambda: verifier.remembered.get(tokens[0]), 100 * len(tokens))


def _timed(work: Callable[[], object], times: int) -> float:
    """Milliseconds of processor time that one *work* takes."""
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) * 1000 / times


def _compare(report: Report) -> None:
    bare = report.figure("bare call", "CPU ms/req")
    for what in ("new RS256 token", "new HS256 token", "known token"):
        cost = report.figure(what, "CPU ms/req")
        report.comparisons.append(f"{what}: {cost / bare:+.1%} CPU over the bare call ({bare:.3f} ms)")
