// Four charts that move with every `metrics.updated`.

const METRICS = {
  requests: { title: 'Requests', unit: 'per second', colour: '#4f5bd5', top: 1000 },
  latency: { title: 'Latency, 95th percentile', unit: 'ms', colour: '#0e8fa8', top: 130 },
  errors: { title: 'Errors', unit: '% of requests', colour: '#cf3a4c', top: 5 },
  memory: { title: 'Memory', unit: '% in use', colour: '#12946a', top: 100 },
};
const KEPT = 60;

const settings = await (await fetch('/settings')).json();
const pusher = new Pusher(settings.key, {
  // pusher-js insists on a cluster. It is only used to make up host names, and we name the host.
  cluster: '',
  wsHost: settings.host,
  wsPort: settings.port,
  forceTLS: false,
  // Where WebSockets are blocked it goes on over HTTP; by itself, to the hosted service.
  httpHost: settings.host,
  httpPort: settings.port,
  enabledTransports: ['ws', 'xhr_streaming', 'xhr_polling'],
});

pusher.connection.bind('state_change', ({ current }) => {
  const badge = document.getElementById('state');
  badge.textContent = current;
  badge.dataset.state = current;
});

let samples = [];
const channel = pusher.subscribe(settings.channel);
channel.bind(settings.event, (sample) => show([...samples, sample]));
// Only now ask for the past: nothing can fall into the gap between the two. The same happens after
// a lost connection, because pusher-js subscribes again by itself.
channel.bind('pusher:subscription_succeeded', async () => {
  show([...(await (await fetch('/samples')).json()), ...samples]);
});

const cards = Object.entries(METRICS).map(([name, { title, unit, colour }]) => {
  const card = document.getElementById('metric').content.cloneNode(true).firstElementChild;
  card.id = name;
  card.style.setProperty('--colour', colour);
  card.querySelector('h2').textContent = title;
  card.querySelector('.unit').textContent = unit;
  document.getElementById('metrics').append(card);
  return [name, card];
});

/** Takes samples in any order, some of them perhaps twice. */
function show(all) {
  const byTime = new Map(all.map((sample) => [sample.at, sample]));
  samples = [...byTime.values()].sort((a, b) => a.at - b.at).slice(-KEPT);
  for (const [name, card] of cards) {
    const values = samples.map((sample) => sample[name]);
    draw(card, values, METRICS[name]);
  }
  const time = new Date(samples.at(-1).at * 1000).toLocaleTimeString('en-GB');
  document.getElementById('updated').textContent = `updated ${time}`;
}

function draw(card, values, { top }) {
  const x = (index) => (100 * (KEPT - values.length + index)) / (KEPT - 1);
  const y = (value) => 40 - (40 * value) / top;
  const points = values.map((value, index) => `${x(index).toFixed(2)} ${y(value).toFixed(2)}`);
  const line = `M${points.join('L')}`;
  card.querySelector('.line').setAttribute('d', line);
  card.querySelector('.area').setAttribute('d', `${line}V40H${x(0).toFixed(2)}Z`);
  card.querySelector('.value').textContent = values.at(-1).toFixed(1);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  card.querySelector('.extremes').textContent = `${low.toFixed(1)} – ${high.toFixed(1)}`;
}
