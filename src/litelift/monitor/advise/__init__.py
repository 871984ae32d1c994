"""What a database would be better with: values, checked as far as can be, and applied only on request."""
