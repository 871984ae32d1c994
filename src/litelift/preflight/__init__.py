"""What can be known before a move: of the source, of the target, of the room that it takes, and of the plan."""
