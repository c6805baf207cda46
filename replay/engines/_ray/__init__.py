"""How cases get to a Ray cluster and back. Only `replay.engines.ray` imports this room, and Ray with it."""
