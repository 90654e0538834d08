// A server SDK in a process of its own: one JSON request per line, one JSON answer per line.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { defer } from './defer.mjs';
import { Inbox } from './inbox.mjs';

export class SdkProcess {
  #child;
  #answers;
  #errors = '';
  #calls = 0;

  constructor(t, name, command, args) {
    this.#answers = new Inbox(name);
    this.#child = spawn(command, args);
    this.#child.stderr.on('data', (text) => (this.#errors += text));
    createInterface({ input: this.#child.stdout })
      .on('line', (line) => this.#answers.push(JSON.parse(line)))
      .on('close', () => this.#answers.end(`it ended: ${this.#errors}`));
    defer(t, () => this.#child.kill());
  }

  /** Calls a method of the SDK; rejects with its exception as `name: message`. */
  async call(method, args = [], kwargs = {}) {
    const id = ++this.#calls;
    this.#child.stdin.write(`${JSON.stringify({ id, call: method, args, kwargs })}\n`);
    const { result, error } = await this.#answers.waitFor((a) => a.id === id, `${method}()`);
    if (error) throw Object.assign(new Error(error.message), { name: error.type });
    return result;
  }
}
