"""Base of all JSON bodies, and the body of a problem."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Body(BaseModel):
    """A JSON object with names in lowerCamelCase; unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class ErrorDetail(Body):
    """Reason for which there is no answer: *code* for programs, *message* for people (French)."""

    code: str
    message: str
    correlation_id: str
    retryable: bool
    retry_after: int = Field(default_factory=int, description="Seconds, when it is known.")
    champ: str = Field(default_factory=str, description="The field that is meant, when there is one.")


class ErrorBody(Body):
    """A problem."""

    error: ErrorDetail
