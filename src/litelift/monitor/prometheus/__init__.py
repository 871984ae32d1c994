"""What the watch measures, for Prometheus; and what reads it: alert rules, a dashboard for Grafana."""
