"""The shell of the command line: finding a command, running it, and telling how it ended."""
