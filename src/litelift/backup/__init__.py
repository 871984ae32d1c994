"""Backups: made, proved by restoring them, kept, copied, and put back."""
