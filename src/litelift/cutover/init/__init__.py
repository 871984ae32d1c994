"""``litelift cutover init``: looks at a project, and proposes its runbook."""
