// A queue of things that arrived, and promises for things that will.
//
// Waiting is always for an event, never for time to pass. The deadline only turns a test that
// would hang into one that fails with a useful message; no test depends on its value.

export const PATIENCE_MS = Number(process.env.FOGHORN_TEST_PATIENCE_MS ?? 30_000);

export class Inbox {
  #name;
  #items = [];
  #waiters = [];
  #end = null;

  constructor(name) {
    this.#name = name;
  }

  push(item) {
    this.#items.push(item);
    this.#serve();
  }

  /** Nothing more will come: waits that cannot be served from what is there fail. */
  end(reason) {
    this.#end ??= reason;
    this.#serve();
  }

  /** The next item, whatever it is. */
  next(what = 'any item') {
    return this.waitFor(() => true, what);
  }

  /** The first unread item that satisfies the predicate. Unread items before it are dropped. */
  waitFor(predicate, what = predicate.toString()) {
    return this.#wait(predicate, what).then((items) => items.at(-1));
  }

  /** Like `waitFor`, but gives all unread items up to and including the one found. */
  readUntil(predicate, what = predicate.toString()) {
    return this.#wait(predicate, what);
  }

  /** All unread items. */
  drain() {
    return this.#items.splice(0);
  }

  #wait(predicate, what) {
    return new Promise((resolve, reject) => {
      const fail = (why) => {
        const unread = JSON.stringify(this.#items).slice(0, 2000);
        reject(new Error(`${this.#name}: waited for ${what}: ${why}; unread: ${unread}`));
      };
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        fail(`nothing within ${PATIENCE_MS} ms`);
      }, PATIENCE_MS);
      const waiter = { predicate, resolve, fail, timer };
      this.#waiters.push(waiter);
      this.#serve();
    });
  }

  #serve() {
    for (const waiter of [...this.#waiters]) {
      const at = this.#items.findIndex((item) => waiter.predicate(item));
      if (at < 0 && this.#end === null) continue;
      clearTimeout(waiter.timer);
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      if (at < 0) waiter.fail(this.#end);
      else waiter.resolve(this.#items.splice(0, at + 1));
    }
  }
}

/** Fails if the promise takes longer than any healthy server could need. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    const fail = () => reject(new Error(`waited for ${what}: nothing within ${PATIENCE_MS} ms`));
    timer = setTimeout(fail, PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Asks again and again until the answer is right, and gives that: for what comes about in the
 * server's own time, and shows only to who asks.
 */
export async function until(isRight, ask, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (Date.now() > deadline) {
      throw new Error(`waited for ${what}; the last answer: ${JSON.stringify(answer)}`);
    }
  }
}
