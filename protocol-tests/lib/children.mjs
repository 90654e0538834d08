// Processes of the tests, none of which may outlive them.

const children = new Map();

process.on('exit', () => {
  for (const [child, signal] of children) child.kill(signal);
});

/** Ends a process with the tests, if nobody else has ended it before. */
export function endWithTests(child, signal = 'SIGKILL') {
  children.set(child, signal);
  child.once('close', () => children.delete(child));
}
