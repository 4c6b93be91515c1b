"""What resources of email are made of, where it cannot be guessed from names."""

VALUES = {"smtp_host": "smtp.exemple.fr", "smtp_port": 587}
