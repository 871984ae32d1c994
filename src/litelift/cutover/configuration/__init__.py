"""The files that say which database the application uses: changed in the lines that matter, and in no other byte."""
