"""Cohorts: a stack for each participant of a training, made from one template, and taken down afterwards.

`model` and `load` are the cohort file, `heads` who gets which name and ports, `plan` whether the place has
enough.
"""
