"""Names of persons and companies in the form that is stored (R2). Pure."""

from grpc_utils import person_name

from service_clients.models import ENTREPRISE


def collapsed(text: str) -> str:
    """Text without white space around it and with single spaces inside."""
    return " ".join(text.split())


def name_of(text: str, type_client: str) -> str:
    """Stored form of nom: that of a client of type ENTREPRISE is not respelt (R2)."""
    return collapsed(text) if type_client == ENTREPRISE else person_name(text)
