"""The built-in plugin `rsync`: reaching a remote root over ssh with rsync."""
