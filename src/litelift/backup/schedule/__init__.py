"""The daily run: as a systemd timer or a cron entry, shown before it is installed, and taken out again exactly."""
