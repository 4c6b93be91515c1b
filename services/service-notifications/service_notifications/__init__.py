"""Notifications shown inside the application, with a read state per user.

Owns: notifications, lectures. Emits nothing. Consumes: client.created, invoice.created. The
wiring is in `service.py`.
"""
