"""Two test services whose effects are deliberately not idempotent: one that happens twice is seen.

`temoin` records entries and announces each as a client.created; both `temoin` and `archive`
count the events they receive. `tests/faults` serves them in processes of their own.
"""
