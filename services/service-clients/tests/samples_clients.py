"""What the conformance suite says when it makes a client: a company may have a company sheet."""

FIELDS = {"ClientBase": {"type_client": "ENTREPRISE"}}
