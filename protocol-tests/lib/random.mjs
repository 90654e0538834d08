// Random values that a seed repeats: what fails once fails again.

/** The seed of this run; `FOGHORN_TEST_SEED` repeats one. */
export const SEED = Number(process.env.FOGHORN_TEST_SEED ?? Date.now() % 2 ** 32) >>> 0;

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 32 bits (the mixing function of MurmurHash3 over a Weyl sequence). */
  #next() {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (bits ^ (bits >>> 16)) >>> 0;
  }

  /** A whole number from `from` up to and including `to`. */
  between(from, to) {
    return from + (this.#next() % (to - from + 1));
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  bytes(count) {
    return Buffer.from(Array.from({ length: count }, () => this.between(0, 255)));
  }

  /** Characters of every length in UTF-8, none of them a surrogate. */
  text(count) {
    const ranges = [
      [0x20, 0x7e],
      [0x20, 0x7e],
      [0x01, 0x7ff],
      [0x800, 0xd7ff],
      [0xe000, 0xffff],
      [0x10000, 0x10ffff],
    ];
    const character = () => String.fromCodePoint(this.between(...this.pick(ranges)));
    return Array.from({ length: count }, character).join('');
  }

  /** The same items in another order. */
  shuffle(items) {
    const shuffled = [...items];
    for (let at = shuffled.length - 1; at > 0; at -= 1) {
      const other = this.between(0, at);
      [shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]];
    }
    return shuffled;
  }

  /** A JSON value that is no text. */
  noText() {
    const n = this.between(-1000, 1000);
    return this.pick([n, n / 7, true, false, [n], ['a'], {}, { channel: 'a' }, { a: [n] }]);
  }
}
