"""What differs between two descriptions of one stack, in the words of those who read a pull request.

A description is what was planned (`Described`), as plain data: of now, of a commit, of the last deployment.
`review` holds two against each other and says what is set differently, which alerts, versions and parts
follow, and first of all what is lost. Nothing here reads a file, runs an engine or knows a target.
"""
