"""integrations: accounts of users at outside providers, connected by OAuth 2.

Start with `service.py`.
"""
