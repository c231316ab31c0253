"""Writer sessions: many small additions over hours, a durable journal, and few commits."""
