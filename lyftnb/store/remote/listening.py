"""Being told of news over the protocol: a thread that waits for them, one for each listener."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from lyftnb.errors import LyftError, Temporary
from lyftnb.store.session import Listener

_WAIT_S = 30.0
"""A listener that was ended is forgotten within this time."""


def listen(
    news: Callable[[Mapping[str, int], float], dict[str, int]],
    listener: Listener,
    topics: Collection[str],
) -> Callable[[], None]:
    """Call `listener` with those of the topics that have news; the result ends it."""
    over = threading.Event()

    def follow() -> None:
        seen = dict.fromkeys(topics, 0)
        while not over.is_set():
            try:
                counts = news(seen, _WAIT_S)
            except Temporary:
                # The owner is away. The next one's counts are all new, so nothing is missed.
                continue
            except LyftError:
                listener(frozenset({"closed"}))
                return
            fresh = frozenset(topic for topic in topics if counts[topic] != seen[topic])
            seen = counts
            if fresh and not over.is_set():
                listener(fresh)

    threading.Thread(target=follow, name="lyftnb-news", daemon=True).start()
    return over.set
