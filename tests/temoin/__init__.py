"""Two services of the tests' own, whose every effect counts twice if it happens twice.

`temoin` records entries and announces each as a client.created; both `temoin` and `archive`
count what they hear. `python -m tests.temoin temoin` serves one out of process.
"""
