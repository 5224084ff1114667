"""A small shop that emits all three signals the way this project asks of any service.

Every program is started as ``python -m demo.<module> --settings settings.json``; the modules are
``gateway``, ``orders``, ``payments``, ``inventory`` (the shop) and ``loadgen`` (its visitors). The shared
parts are the small private modules; ``docs/how-to/instrument-a-service.md`` walks through them.
"""
