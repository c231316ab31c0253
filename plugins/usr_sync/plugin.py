"""The built-in plugin `sync`: the commands diff, pull, push and remotes."""
