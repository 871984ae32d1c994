"""The evening of the move, with a real application: before, moved, and back again, each looked at from outside."""
