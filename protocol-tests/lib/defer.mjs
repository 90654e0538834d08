// Cleaning up in the reverse order of building up, whatever fails meanwhile: clients leave before
// their server ends. Node runs its hooks in the order of registration and stops at the first
// failure, which leaves processes behind; and pusher-js, told to disconnect while a closing server
// sends it elsewhere, goes on connecting for ever.

import { after } from 'node:test';

const stacks = new WeakMap();
const file = {};

/** Runs `action` when the test is over, before all actions deferred earlier. */
export function defer(t, action) {
  stackOf(t, (unwindAll) => t.after(unwindAll)).push(action);
}

/** The same for the end of the test file. */
export function deferToEnd(action) {
  stackOf(file, (unwindAll) => after(unwindAll)).push(action);
}

function stackOf(owner, register) {
  if (!stacks.has(owner)) {
    const stack = [];
    stacks.set(owner, stack);
    register(() => unwind(stack));
  }
  return stacks.get(owner);
}

async function unwind(stack) {
  const failures = [];
  while (stack.length > 0) {
    try {
      await stack.pop()();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new Error(failures.map((error) => error.message).join('\n'));
}
