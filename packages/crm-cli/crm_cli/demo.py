"""The demo account of the embedded mesh: made when it is missing, signed in by the gateway.

Its password is drawn for each folder. Nothing of the kernel is imported here, because
`crm token` must answer at once.
"""

import http.client
import json
import os
import secrets
import subprocess
from dataclasses import asdict, dataclass

from crm_cli.home import PROGRAM, CommandError, Home, State, write_privately

NEEDED = frozenset({"auth", "users", "gateway"})
EMAIL, ORGANISATION = "demo@example.com", "org-123"
_PATIENCE = 10.0  # seconds for an answer


class SignInRefused(CommandError):
    """Refusal of a sign-in: there is no such account, or it has another password."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo account: its address and its password."""

    email: str
    password: str

    @classmethod
    def of(cls, home: Home) -> "Demo":
        """The account of *home*; its password is made at first use. Raises CommandError."""
        path = home.folder / "demo.json"
        if not path.exists():
            write_privately(path, asdict(cls(EMAIL, secrets.token_urlsafe(12))))
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(f"{path} is damaged: remove it and start the mesh again") from error

    def sign_in(self, state: State) -> str:
        """A token of the auth service, by the gateway of the running mesh. Raises CommandError."""
        address = ("127.0.0.1", state.services["gateway"])
        connection = http.client.HTTPConnection(*address, timeout=_PATIENCE)
        try:
            connection.request(
                "POST", "/api/auth/login", json.dumps(asdict(self)), {"content-type": "application/json"}
            )
            response = connection.getresponse()
            answer = json.load(response)
        except (OSError, ValueError) as error:
            raise CommandError("the gateway does not answer: `./scripts/crm doctor` says why") from error
        finally:
            connection.close()
        if response.status == http.client.OK:
            return str(answer["token"])
        refused = SignInRefused if response.status == http.client.UNAUTHORIZED else CommandError
        raise refused(f"{self.email} with the password of demo.json: {answer['error']['message']}")

    def make_account(self, home: Home) -> None:
        """Have the users service make the account. Raises CommandError."""
        done = subprocess.run(
            [PROGRAM, "users", "creer-utilisateur", "--email", self.email, "--organisation", ORGANISATION],
            env={**os.environ, "CRM_HOME": str(home.folder)},
            input=self.password,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"the demo account could not be made: {done.stderr.strip()}")


def demo_token(home: Home, state: State) -> str:
    """A token of the demo account, which is made if it is missing. Raises CommandError."""
    demo = Demo.of(home)
    try:
        return demo.sign_in(state)
    except SignInRefused:
        demo.make_account(home)
        return demo.sign_in(state)
