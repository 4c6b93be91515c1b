"""The HTTP edge: sign-in, webhooks, profile and synchronisation for browsers and outsiders.

Read `edge.py`, then `policies.py` (every path with its limits) and `web.py` (what a request
passes through). It holds no data and no business rule: each endpoint calls one service.
"""
