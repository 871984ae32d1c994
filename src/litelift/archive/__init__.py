"""The archive: files in one compressed tar that any tar reads, with a manifest of their checksums."""
