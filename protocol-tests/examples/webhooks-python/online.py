"""Who is where, as far as webhooks have told.

Webhooks come at least once: the same one may come again, after later ones even. So nothing is
counted here; what is known of a channel or a member is what the latest webhook said of it.
"""

PRESENT = {
    "channel_occupied": True,
    "channel_vacated": False,
    "member_added": True,
    "member_removed": False,
}


class Online:
    def __init__(self) -> None:
        self._latest: dict[tuple[str, str | None], tuple[int, bool]] = {}

    def take(self, time_ms: int, events: list[dict]) -> None:
        """Takes the events of one webhook, which was made at this time."""
        for event in events:
            if event["name"] not in PRESENT:
                continue
            subject = (event["channel"], event.get("user_id"))
            known_since, _ = self._latest.get(subject, (0, False))
            if time_ms >= known_since:
                self._latest[subject] = (time_ms, PRESENT[event["name"]])

    def channels(self) -> dict[str, list[str]]:
        """The occupied channels, each with its users."""
        there = [subject for subject, (_, present) in self._latest.items() if present]
        found: dict[str, list[str]] = {}
        for channel, user in sorted(there, key=lambda subject: (subject[0], subject[1] or "")):
            users = found.setdefault(channel, [])
            if user is not None:
                users.append(user)
        return found
