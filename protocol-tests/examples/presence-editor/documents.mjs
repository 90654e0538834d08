// Texts with version numbers, kept in memory.

// An event carries the whole text, and the protocol allows it 10 KB once encoded as JSON.
const MAX_BYTES = 8_000;

const FIRST_TEXT = `Release notes

Foghorn 0.2 brings sign-in, so that an event can reach one person on all of their devices.

To do
- ask Ben for the numbers
- screenshots
`;

export class Documents {
  #documents = new Map();

  get(name) {
    return this.#documents.get(name) ?? { version: 0, text: FIRST_TEXT };
  }

  /** Whether an event can carry this text. */
  fits(text) {
    return Buffer.byteLength(JSON.stringify(text)) <= MAX_BYTES;
  }

  /** Gives the new document, or nothing if `version` is not the one to build upon any more. */
  put(name, version, text) {
    if (version !== this.get(name).version) return undefined;
    const changed = { version: version + 1, text };
    this.#documents.set(name, changed);
    return changed;
  }
}
