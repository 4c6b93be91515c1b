"""What the parts of a running service share."""

from db_utils import Database
from grpc_utils import Peers
from service_kit import App, Settings, load


def application() -> App[Settings]:
    """One that reaches nothing."""
    return App(load(Settings, database_url="dbname=crm"), Database("dbname=crm", "clients"), Peers({}, None))


async def test_a_part_is_made_once_for_an_application() -> None:
    """Whoever asks for it; another application has its own."""
    one, other = application(), application()
    made: list[App[Settings]] = []

    def part(app: App[Settings]) -> object:
        made.append(app)
        return object()

    first = one.part(part)
    assert first is one.part(part)
    assert first is not other.part(part)
    assert [app is one for app in made] == [True, False]
