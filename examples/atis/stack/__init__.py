"""Starts and stops ATİS: its code, nginx, Redis and gunicorn, all in one folder."""
