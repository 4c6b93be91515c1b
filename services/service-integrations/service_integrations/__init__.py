"""Accounts of users at outside providers, connected by OAuth 2: kept, refreshed, handed out, ended.

Owns: oauth_accounts, oauth_states, audit_integrations. Emits and consumes nothing. The wiring is in
`service.py`; the providers are behind `fournisseur.py`.
"""
