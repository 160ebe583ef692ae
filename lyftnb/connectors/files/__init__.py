"""The `files` input: which files there are, what is new in them, and what their bytes say.

`discovery` finds and cuts, `identity` tells files apart, `decode_*` turns bytes into rows and
rejects, `source` joins them. Decoders know bytes and columns, never files or positions.
"""
