"""`crm doctor`: what is wrong and what to do about it, a line per check.

`examination.py` puts the checks in order; each other module looks at one part of the
system and only looks: nothing is repaired here.
"""
