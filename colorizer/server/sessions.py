"""Sessions kept in memory, of which many new ones of one caller displace that caller's own, not those of other visitors."""

from collections import Counter
from typing import Any

import gradio as gr
from gradio import routes
from gradio.state_holder import SessionState, StateHolder

from colorizer.errors import ColorizerError
from colorizer.server.callers import caller_of

MAX_NAME = 100
"""Characters of a session's name, which its page chooses, and of which many are kept."""


class LeanSession(SessionState):
    """State of one session. Gradio's own also holds all that the page sent, for links to it, of which the app has none."""

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(blocks)
        self.config_values = _Nothing()

    def _update_config(self, key: int) -> None:
        """Keep nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing."""


class _Nothing(dict):
    def __setitem__(self, key: int, value: Any) -> None:
        """Keep nothing."""


class FairSessions(StateHolder):
    """State of all sessions. Gradio's own forgets the one that was used longest ago, whoever fills the memory."""

    def __init__(self) -> None:
        super().__init__()
        self._owners: dict[str, str] = {}

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session, which is new if there is none."""
        check_name(session_id)
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanSession(self.blocks)
        return super().__getitem__(session_id)

    def own(self, session_id: str, caller: str) -> None:
        """Note whose session it is. Those whose callers are not known count as one caller's."""
        if len(self._owners) > 2 * self.capacity:  # of calls that were canceled before they began
            self._owners = {each: owner for each, owner in self._owners.items() if each in self}
        self._owners[session_id] = caller

    def update(self, session_id: str) -> None:
        """Note that a session is used, and forget one if there are too many: of the caller with the most, the oldest."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            if len(self.session_data) > self.capacity:
                owners = {each: self._owners.get(each, "") for each in self.session_data}
                counts = Counter(owners.values())
                most = max(counts.values())
                surplus = next(each for each, owner in owners.items() if counts[owner] == most)
                for record in (self.session_data, self.time_last_used, self._owners):
                    record.pop(surplus, None)


def check_name(session_id: str | None) -> None:
    """Raise ColorizerError if a session's name is none that a page chooses."""
    if session_id is not None and len(session_id) > MAX_NAME:
        raise ColorizerError("The name of this session is too long: reload the page.")


def bound_sessions(demo: gr.Blocks) -> None:
    """Keep the sessions of `demo` in `FairSessions`, and note whose they are as their calls come."""
    routes.StateHolder = FairSessions
    push = demo._queue.push

    async def noted(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        answer = await push(body, request, username)
        if answer[0] and body.session_hash:
            demo.state_holder.own(body.session_hash, caller_of(request))
        return answer

    demo._queue.push = noted
