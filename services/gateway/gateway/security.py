"""Kinds of proof, as the OpenAPI page shows them; `guard.py` is what checks them."""

from typing import Final

from fastapi import Security
from fastapi.security import HTTPBearer

USER: Final = [
    Security(
        HTTPBearer(
            scheme_name="user",
            bearerFormat="JWT",
            description="A user's token, as login gives it.",
            auto_error=False,
        )
    )
]
SERVICE: Final = [
    Security(
        HTTPBearer(
            scheme_name="service",
            description="A token that a service signs for service:gateway with its own key.",
            auto_error=False,
        )
    )
]
