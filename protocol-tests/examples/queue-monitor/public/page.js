// Counters twice a second, and an honest account of the connection they come through.

const UPDATES_SHOWN = 60;
const UPDATES_AT_LEAST = 20;
const STATES_SHOWN = 8;
const MS_PER_ATTEMPT = 4000;

const element = (id) => document.getElementById(id);
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

let connects = 0;
let missed = 0;
let last = 0;
let updates = [];
let hurrying = false;

pusher.connection.bind('state_change', ({ current }) => {
  if (hurrying) return;
  element('state').textContent = current;
  element('state').dataset.state = current;
  document.body.classList.toggle('stale', current !== 'connected');
  if (current === 'connected') connects += 1;
  const item = document.createElement('li');
  item.dataset.state = current;
  item.textContent = `${new Date().toLocaleTimeString('en-GB')} ${current}`;
  element('history').prepend(item);
  while (element('history').children.length > STATES_SHOWN) element('history').lastChild.remove();
  summarise();
});

pusher.subscribe(settings.channel).bind(settings.event, (counters) => {
  // The updates are numbered. A smaller number means that the back end has started anew.
  if (last > 0 && counters.number > last) missed += counters.number - last - 1;
  last = counters.number;
  updates = [...updates, counters].slice(-UPDATES_SHOWN);
  showCounters(counters);
  showKinds(counters.waiting);
  showFlow();
  summarise();
});

// pusher-js comes back by itself and subscribes again. But after an attempt in vain it waits for
// 15 seconds, then for 30, then for 60, and who watches a queue is in more of a hurry. A server
// that has refused the app leaves the state `disconnected`, which is final and stays so.
setInterval(() => {
  if (!['connecting', 'unavailable'].includes(pusher.connection.state)) return;
  hurrying = true;
  pusher.disconnect();
  pusher.connect();
  hurrying = false;
}, MS_PER_ATTEMPT);

function summarise() {
  const reconnects = Math.max(0, connects - 1);
  element('summary').textContent = `reconnections: ${reconnects}, updates missed: ${missed}`;
}

function showCounters({ waiting, ...counters }) {
  const sum = waiting.reduce((total, kind) => total + kind.waiting, 0);
  element('waiting').textContent = sum.toLocaleString('en-GB');
  for (const name of ['done', 'failed', 'number']) {
    element(name).textContent = counters[name].toLocaleString('en-GB');
  }
}

function showKinds(kinds) {
  const most = Math.max(100, ...kinds.map((kind) => kind.waiting));
  element('kinds').replaceChildren(
    ...kinds.map(({ name, waiting }) => {
      const row = document.createElement('label');
      const bar = document.createElement('meter');
      bar.max = most;
      bar.value = waiting;
      const count = document.createElement('b');
      count.textContent = waiting;
      row.append(name, bar, count);
      return row;
    }),
  );
}

function showFlow() {
  const most = Math.max(60, ...updates.flatMap((update) => [update.arrived, update.finished]));
  const path = (name) => {
    const places = Math.max(updates.length, UPDATES_AT_LEAST);
    const x = (index) => (600 * (places - updates.length + index)) / (places - 1);
    const y = (value) => 218 - (210 * value) / most;
    const points = updates.map((update, index) => `${x(index)} ${y(update[name])}`);
    return `<path class="${name}" d="M${points.join('L')}" />`;
  };
  element('flow').innerHTML = path('arrived') + path('finished');
}
