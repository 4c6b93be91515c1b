"""The port through which bordereaux become files: both of them from one value."""

from dataclasses import dataclass

from grpc_utils import file_name as safe_name

from service_commission.exports.values import Releve


@dataclass(frozen=True, slots=True)
class Fichiers:
    """The files of a bordereau."""

    pdf: bytes
    xlsx: bytes


def render(releve: Releve) -> Fichiers:
    """The files of *releve*, the same bytes for the same value and libraries.

    Takes processor time, seconds where there are ten thousand lines: not for the event loop.
    """
    from service_commission.exports.pdf import pdf
    from service_commission.exports.xlsx import xlsx

    return Fichiers(pdf(releve), xlsx(releve))


def file_name(societe: str, periode: str, reference: str, extension: str) -> str:
    """The name under which a file is downloaded."""
    name = "_".join(("Bordereau", "Commissions", *societe.split(), periode, reference))
    return safe_name(f"{name.replace('/', '-')}.{extension}")
