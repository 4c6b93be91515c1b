"""What the conformance suite changes in a membership."""

CHANGES = {"Membre": ("role", ("MANAGER", "COMMERCIAL", "ADMIN"))}
