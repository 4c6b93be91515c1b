"""What the conformance suite says when it makes an activity, and how it changes one."""

FIELDS = {"Activite": {"type_code": "APPEL", "client_base_id": "client-123"}}
CHANGES = {"Activite": ("sujet", ("Autre", "Premier", "Second"))}
