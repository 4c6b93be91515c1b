"""Files of the tests, as they are handed over."""

import hashlib
from typing import Any, Final

from service_factures.transmission import FlowInfo

PDF: Final = b"%PDF-1.7\r\n\x00\xff une facture\r\n%%EOF\n"


def info(content: bytes = PDF, **fields: Any) -> FlowInfo:
    """What is told of *content*, an invoice unless *fields* say otherwise."""
    told: dict[str, Any] = {
        "tracking_id": "facture-1",
        "name": "FAC2026000001.pdf",
        "processing_rule": "B2B",
        "flow_syntax": "Factur-X",
        "flow_profile": "CIUS",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return FlowInfo(**(told | fields))
