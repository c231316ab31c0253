"""The event log: one line of JSON a mutation, chained by digest, read by people and by other tools."""
