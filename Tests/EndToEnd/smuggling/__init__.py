"""Requests and responses that two readers could read differently."""
