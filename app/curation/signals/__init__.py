"""Signals: methods that measure records, one family per module."""
