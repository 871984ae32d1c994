"""Copies of backups at another place: whatever fsspec knows, S3 and SFTP above all.

A copy is a folder of the backup's name. Its files lie there in pieces of at most ``part_bytes``, each an object of its
own, so that a lost connection costs one piece; ``copy.json``, the index, is written last, when every piece was read
back or its checksum was confirmed by the server. A folder without an index is no copy.
"""
