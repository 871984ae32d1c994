"""Who is told of what happens while nobody looks: the system's log, a webhook, mail, a command of the project."""
