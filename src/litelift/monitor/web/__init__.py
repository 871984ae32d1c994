"""The server of the dashboard: who may look, how much of it at a time, and what is answered. It writes nothing."""
