"""`crm doctor`: problems and their remedies, a line per check.

`examination.py` puts the checks in order; each other module looks at one part of the
system and only looks: nothing is repaired here.
"""
