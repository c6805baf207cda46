"""Cassettes: recorded HTTP in vcrpy's file format, and the transport that records and plays it."""
