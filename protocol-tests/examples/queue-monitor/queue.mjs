// A queue with three kinds of jobs, made up: some arrive, some are done, a few fail.

const KINDS = [
  { name: 'email', arriving: 14, capacity: 15 },
  { name: 'images', arriving: 7, capacity: 7.6 },
  { name: 'invoices', arriving: 4, capacity: 4.4 },
  { name: 'search index', arriving: 9, capacity: 9.8 },
];

const between = (low, high) => low + Math.random() * (high - low);

export class Queue {
  #number = 0;
  #totals = { done: 18_204, failed: 41 };
  #kinds = KINDS.map((kind) => ({ ...kind, waiting: Math.round(between(20, 90)) }));

  /** Half a second of work; gives the counters after it. */
  work() {
    let arrived = 0;
    let finished = 0;
    for (const kind of this.#kinds) {
      const arriving = Math.round(between(0, 2 * kind.arriving));
      const done = Math.min(kind.waiting, Math.round(between(0.2, 1.8) * kind.capacity));
      kind.waiting += arriving - done;
      arrived += arriving;
      finished += done;
    }
    const failed = Number(Math.random() < 0.1);
    this.#totals.done += finished - failed;
    this.#totals.failed += failed;
    return {
      number: ++this.#number,
      waiting: this.#kinds.map(({ name, waiting }) => ({ name, waiting })),
      arrived,
      finished,
      ...this.#totals,
    };
  }
}
