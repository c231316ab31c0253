"""Runs: one function over the records of a dataset, in shards that any executor may run, and one commit at the end.

A run lies in ``.usr.tmp/map-<run_id>/`` of its dataset until it is committed or discarded. What counts is what lies
there (`folder`): the plan, one receipt a finished shard, one note a failure. See docs/adr/0029.
"""
