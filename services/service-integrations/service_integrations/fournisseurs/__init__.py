"""The adapters to the providers, behind the port `fournisseur.py`: start with `registre.py`.

Nothing here knows of tables, users or states.
"""
