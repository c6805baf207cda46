"""A comparison for people: one HTML page, a Markdown summary, GitHub annotations and a terminal table."""
