"""The adapters to the providers, behind the port `adapter.py`: start with `registry.py`.

Nothing here knows of tables, users or states.
"""
