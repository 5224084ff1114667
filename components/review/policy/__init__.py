"""What no stack should have, whoever asks for it: pure checks over a description.

A check is a function that returns findings, and a row in `judged.CHECKS` with its reason. What a stack is
excused from stands in its file (`policy.waivers`), with a reason and an end.
"""
