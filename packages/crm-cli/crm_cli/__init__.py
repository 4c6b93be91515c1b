"""The `crm` command: what people and operators run. `main.py` lists the subcommands."""
