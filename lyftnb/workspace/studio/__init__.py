"""What a canvas asks of a draft and of its workspace: typed questions, answers and news.

The same service answers JupyterLab's server (for documents and the sidebar) and a notebook's
kernel (for widgets), so both show and do the same. `protocol` is the contract; TypeScript's types
are made from it. Knows nothing of Jupyter, sockets or widgets. Drafts need no manager; one is found
or started with the first question that does.
"""
