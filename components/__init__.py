"""The one description of a stack: model, catalogue, renderers and the plan they lead to."""
