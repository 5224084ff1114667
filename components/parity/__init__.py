"""Whether two stacks say the same, judged by the files that are written for each.

A target reads its own files back (`Target.written`) into what they say, whatever they are called and wherever
they lie; `content` puts that into one canonical form, and `compare` holds two of them against each other.
Nothing here sees a plan or a document in memory, so that a change in one target's renderer shows.
"""
