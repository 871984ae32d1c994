"""The target: connections, the embedded server, existing schemas, DDL, constraints and sequences."""
