"""Believable data, made at random: no real person's."""
