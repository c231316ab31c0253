"""The dataset as it was at an earlier version, to be read: which version a text means, and which files and rows it had.

It looks for replaced files in what is kept (`usr_core.store.history`), and also in the archive and in the snapshots.
"""
