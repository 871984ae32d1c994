"""Institutions, people, surveys, grades and link shares."""
