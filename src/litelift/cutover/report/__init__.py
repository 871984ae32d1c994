"""The report of an evening: what was done, when, with what result, and the way back."""
