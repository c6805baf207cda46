"""Replay: recorded conversations, replayed against chat-completion models."""
