// Three texts into one: what I have changed in `base`, and what the others have.

/** The one stretch in which two texts differ. */
function change(from, to) {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && from[start] === to[start]) start += 1;
  let tail = 0;
  while (tail < shorter - start && from.at(-1 - tail) === to.at(-1 - tail)) tail += 1;
  return { start, end: from.length - tail, insert: to.slice(start, to.length - tail) };
}

/** Both changes; where they touch the same place, theirs comes first and nothing typed is lost. */
export function merge(base, mine, theirs) {
  if (mine === base) return theirs;
  if (theirs === base || theirs === mine) return mine;
  const [a, b] = [change(base, mine), change(base, theirs)];
  if (a.end < b.start || b.end < a.start) {
    const [first, second] = a.start < b.start ? [a, b] : [b, a];
    const between = base.slice(first.end, second.start);
    return (
      base.slice(0, first.start) + first.insert + between + second.insert + base.slice(second.end)
    );
  }
  const [start, end] = [Math.min(a.start, b.start), Math.max(a.end, b.end)];
  return base.slice(0, start) + b.insert + a.insert + base.slice(end);
}

/** Where the caret belongs after `before` has become `after`. */
export function moveCaret(caret, before, after) {
  const { start, end } = change(before, after);
  if (caret <= start) return caret;
  return caret >= end ? caret + after.length - before.length : start;
}
