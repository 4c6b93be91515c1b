"""The HTTP edge: sign-in, webhooks, profile and synchronisation for browsers and outside services.

Read `edge.py`, then `policies.py` (every path with its limits) and `web.py` (the layers that a
request passes through). The gateway holds no data and no business rule: each endpoint calls one
service. Its rules are in RULES.md.
"""
