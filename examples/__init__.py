"""Applications that litelift moves, to be started and looked at."""
