"""ATİS, a small education management system: the application that litelift's example moves."""

VERSION = "1.12.4"
