"""Damaged databases: mutations of real ones, each moved, and what arrived judged by a second path."""
