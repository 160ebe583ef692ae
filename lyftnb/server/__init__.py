"""The manager's process: one workspace, held open, and HTTP for people and tools.

A face: routes parse, call the facade (`lyftnb.workspace`), shape its answer, and hold no logic.
`python -m lyftnb.server FOLDER` runs it; `lyftnb.connect` and `lyftnb up` start it detached. Only
this package knows FastAPI, and only this process imports it.
"""
