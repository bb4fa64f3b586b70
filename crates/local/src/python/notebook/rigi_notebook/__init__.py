"""Runs notebooks for Rigi; `__main__.py` beside this folder says how."""
