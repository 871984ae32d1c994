"""The set-up of PostgreSQL: on a server that is there, on the embedded one, or in a container."""
