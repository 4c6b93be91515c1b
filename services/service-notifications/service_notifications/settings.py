"""Settings of the notifications service."""

from pydantic import Field
from service_kit import Settings


class NotificationsSettings(Settings):
    """What can be set beyond the kernel's settings."""

    stream_heartbeat_s: float = Field(
        25.0, ge=0.05, le=30.0, description="seconds between two signs of life of a stream"
    )
