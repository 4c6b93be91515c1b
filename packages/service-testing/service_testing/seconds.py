"""A clock that only the test moves, for what counts seconds: `Jwks`, `Peers`, `Breaker`."""


class Seconds:
    """*passed* seconds since the start, however long the test takes."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        """What such classes take as their `now`."""
        return self.passed
