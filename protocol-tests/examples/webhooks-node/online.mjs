// Who is where, as far as webhooks have told.
//
// Webhooks come at least once: the same one may come again, after later ones even. So nothing is
// counted here; what is known of a channel or a member is what the latest webhook said of it.

export class Online {
  /** Channels and members → when they were last heard of, and whether they were there. */
  #latest = new Map();

  /** Takes the events of one webhook, which was made at this time. */
  take(time, events) {
    for (const { name, channel, user_id: user } of events) {
      if (name === 'channel_occupied') this.#note(time, [channel], true);
      if (name === 'channel_vacated') this.#note(time, [channel], false);
      if (name === 'member_added') this.#note(time, [channel, user], true);
      if (name === 'member_removed') this.#note(time, [channel, user], false);
    }
  }

  #note(time, subject, present) {
    const key = JSON.stringify(subject);
    if (time < (this.#latest.get(key)?.time ?? 0)) return;
    this.#latest.set(key, { time, present });
  }

  /** The occupied channels, each with its users. */
  channels() {
    const there = [...this.#latest].filter(([, { present }]) => present);
    const subjects = there.map(([key]) => JSON.parse(key)).sort();
    const found = {};
    for (const [channel, user] of subjects) {
      found[channel] ??= [];
      if (user !== undefined) found[channel].push(user);
    }
    return found;
  }
}
