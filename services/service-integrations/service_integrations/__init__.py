"""Accounts of users at outside providers, by OAuth 2: connected, refreshed, handed out, disconnected.

Owns: oauth_accounts, oauth_states, audit_integrations. Emits and consumes nothing. The wiring is in
`service.py`; the providers are behind `adapter.py`.
"""
