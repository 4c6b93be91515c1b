"""The `crm` command: what people and operators run. `main.py` lists the subcommands."""

__all__ = ["columns", "home", "keys", "main", "selection", "streams", "tokens"]
