"""The `crm` command: what people and operators run. `main.py` lists the subcommands."""

__all__ = ["columns", "home", "keys", "selection", "streams", "tokens"]
