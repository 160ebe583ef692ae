"""The routes of `/api/v1`, a module for each family. A route is a facade's method with an address:
to add one, write it here and its call in `workspace/remote.py`.
"""

from lyftnb.server.routes import (
    contexts,
    deployments,
    messages,
    runbooks,
    running,
    runs,
    secrets,
    spools,
    system,
    workflows,
)

ROUTERS = tuple(
    module.router
    for module in (
        system,
        workflows,
        runs,
        running,
        deployments,
        spools,
        messages,
        runbooks,
        contexts,
        secrets,
    )
)
