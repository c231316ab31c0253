"""What a dataset keeps of the files that a commit replaces or removes: how it is written, found and brought back.

A rollback (`past`, `restoring`) takes only files that the log tells to be the same as those of the version, or refuses.
Reading a version (`usr_core.store.versions`) takes any file that has the same values.
"""
