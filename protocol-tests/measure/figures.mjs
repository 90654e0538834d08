// What became of the runs of a comparison: medians, ratios, and a table of them. Nothing here
// starts, waits or writes.

/** Above this share of a core the bench may be what limits a run. */
const BUSY = 0.8;

/** The value at a dotted path of a bench's result, if there is a number. */
export function pick(result, path) {
  const value = path.split('.').reduce((part, name) => part?.[name], result);
  return typeof value === 'number' ? value : undefined;
}

/** Median and extremes of some numbers; undefined if there are none. */
export function spread(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Whether a server takes part: of the floor's variants only those do that the scenario names. */
export function takesPart(scenario, server) {
  return !/^floor(-|$)/.test(server) || scenario.floors.includes(server);
}

/**
 * A scenario's figures over its runs, by server: each server's spread, and its ratio to the base.
 * A run is `{ server, result }`, or `{ server, error }` when the bench gave none.
 */
export function summarize(scenario, runs, base = scenario.floors[0]) {
  return scenario.figures.map((figure) => {
    const servers = {};
    for (const { server, result } of runs) {
      const value = pick(result, figure.at);
      servers[server] ??= [];
      if (value !== undefined) servers[server].push(value);
    }
    for (const [server, values] of Object.entries(servers)) {
      servers[server] = { values, ...spread(values) };
    }
    const unit = servers[base]?.median;
    for (const summary of Object.values(servers)) {
      if (unit > 0 && summary.median !== undefined) summary.ratio = summary.median / unit;
    }
    return { ...figure, base, servers };
  });
}

/**
 * What to know of a scenario's runs, in words: what went wrong, and when the bench was so busy that
 * the server may have waited for it.
 */
export function remarks(runs) {
  return runs.flatMap(({ server, round, result, error }) => {
    const wrong = ['lost', 'duplicated', 'reordered', 'closed', 'errors'].filter(
      (name) => result?.[name] > 0,
    );
    const words = wrong.map((name) => `${result[name]} ${name}`);
    const share = pick(result, 'client.busiest_share');
    if (share > BUSY) words.push(`the bench used ${Math.round(share * 100)} % of a core`);
    if (error) words.push(error);
    return words.length > 0 ? [`${server}, round ${round}: ${words.join(', ')}`] : [];
  });
}

/** Three digits that count, and thousands with commas. */
export function number(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function target({ ratio, most, base }) {
  if (most !== undefined) return `≤ ${number(most)}`;
  return ratio === undefined ? '–' : `≤ ${ratio} × ${base}`;
}

function cell(summary, isBase) {
  if (summary?.median === undefined) return '–';
  const { median, min, max, ratio } = summary;
  const times = isBase || ratio === undefined ? '' : ` · ×${ratio.toFixed(2)}`;
  return `${number(median)} (${number(min)}–${number(max)})${times}`;
}

/** A Markdown table: a row for each figure, a column for each server. */
export function table(summaries, servers) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const rows = summaries.flatMap(({ scenario, figures }) =>
    figures.map((figure) => [
      scenario.title,
      figure.unit,
      ...servers.map((server) => cell(figure.servers[server], server === figure.base)),
      target(figure),
    ]),
  );
  const head = ['Scenario', 'Unit', ...servers, 'Target'];
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

/** A report in Markdown: the machine, the table, and remarks. */
export function report({ date, machine, versions, rounds, seconds, summaries, servers }) {
  const notes = summaries.flatMap(({ scenario, remarks }) =>
    remarks.map((words) => `* ${scenario.name}: ${words}`),
  );
  return [
    `${date}, ${machine.cores} × ${machine.cpu}, ${machine.system}. ${rounds} rounds of ` +
      `${seconds} s, servers in turn; median (least–most) · ratio of medians to the base.`,
    '',
    ...Object.entries(versions).map(([name, version]) => `* ${name}: ${version}`),
    '',
    table(summaries, Object.keys(servers)),
    ...(notes.length > 0 ? ['', 'Remarks:', '', ...notes] : []),
  ].join('\n');
}
