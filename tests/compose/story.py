"""What is done with a running stack, and what has to hold: the same for development and production."""

from collections.abc import Callable

from tests.compose.report import CheckFailed
from tests.compose.stack import Stack

__all__ = ["tell"]

SignIn = Callable[[Stack], str]


def tell(stack: Stack, sign_in: SignIn) -> None:
    """Start *stack*, use it as its callers do, disturb it, start it anew and take it away."""
    report, name = stack.report, stack.name
    report.doing(f"{name}: up --build --wait")
    stack.up(build=True)
    _all_is_healthy(stack)
    token = sign_in(stack)
    clients = [_seed(stack, token)]
    clients.append(_without_a_service(stack, token, clients[0]))
    clients.append(_without_the_broker(stack, token))
    report.holds(f"{name}: memory: {stack.memory()}")
    _starts_anew(stack, token, clients)


def _all_is_healthy(stack: Stack) -> None:
    states = stack.states()
    wrong = {name: state for name, state in states.items() if state not in ("healthy", "running", "exited")}
    if wrong or states["migrate"] != "exited":
        raise CheckFailed(f"{stack.name}: {wrong or states}")
    healthy = sum(state == "healthy" for state in states.values())
    stack.report.holds(
        f"{stack.name}: {healthy} containers are healthy, by `crm health` and their own checks"
    )
    stack.report.holds(f"{stack.name}: {stack.call('health', *_addresses(stack))}, without a token")


def _addresses(stack: Stack) -> list[str]:
    told = stack.services["gateway"]["environment"]
    return [address for setting, address in told.items() if setting.endswith("_GRPC_ADDR")]


def _seed(stack: Stack, token: str) -> str:
    """The first calls: nobody is let in without a token; a client is made, and its event has its effect."""
    stack.report.holds(f"{stack.name}: without a token: {stack.call('refused', 'UNAUTHENTICATED')}")
    client = _created(stack, token, "Lovelace")
    _announced(stack, token, client)
    return client


def _created(stack: Stack, token: str, nom: str) -> str:
    client = stack.call("create", nom, TOKEN=token)
    stack.report.holds(f"{stack.name}: a client is created with a token: {nom}, {client}")
    return client


def _announced(stack: Stack, token: str, client: str) -> None:
    seen = stack.call("event", client, NATS_URL=stack.services["migrate"]["environment"]["NATS_URL"])
    stack.report.holds(f"{stack.name}: its event is on the bus: {seen}")
    stack.report.holds(f"{stack.name}: and had its effect: {stack.call('told', client, TOKEN=token)}")


def _without_a_service(stack: Stack, token: str, client: str) -> str:
    """Without notifications nobody else minds, and it hears of everything when it is back."""
    stack.report.doing(f"{stack.name}: without notifications")
    stack.stop("notifications")
    made = _created(stack, token, "Hopper")
    stack.up("notifications")
    stack.report.holds(
        f"{stack.name}: it heard of it when it was back: {stack.call('told', made, TOKEN=token)}"
    )
    stack.stop("clients")
    stack.report.holds(
        f"{stack.name}: without clients: {stack.call('refused', 'UNAVAILABLE', 'x', TOKEN=token)}"
    )
    stack.up("clients")
    _found(stack, token, client)
    return made


def _without_the_broker(stack: Stack, token: str) -> str:
    """Without nats calls are answered all the same, and their events arrive when it is back."""
    stack.report.doing(f"{stack.name}: without the broker")
    stack.stop("nats")
    made = _created(stack, token, "Germain")
    stack.report.holds(f"{stack.name}: without it, {stack.call('health', *_addresses(stack))}")
    stack.up("nats")
    _announced(stack, token, made)
    return made


def _starts_anew(stack: Stack, token: str, clients: list[str]) -> None:
    """`down` and `up`: what was there is there, and the token is still good."""
    stack.report.doing(f"{stack.name}: down and up")
    stack.down()
    stack.up()
    _found(stack, token, *clients)
    _announced(stack, token, clients[-1])


def _found(stack: Stack, token: str, *clients: str) -> None:
    names = [stack.call("get", client, TOKEN=token) for client in clients]
    stack.report.holds(f"{stack.name}: found again: {', '.join(names)}")
