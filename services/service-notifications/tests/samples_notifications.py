"""What the conformance suite says when it makes a notification."""

FIELDS = {"Notification": {"destinataire_type": "ORGANISATION", "type": "NOUVEAU_CLIENT"}}
