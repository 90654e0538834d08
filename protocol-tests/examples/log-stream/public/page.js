// Shows what the back end broadcasts, and whether it still does.

const LINES_SHOWN = 22;
const ADMIN_EVENTS_SHOWN = 5;
const MS_BETWEEN_STATUS = 1000;

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
  channelAuthorization: { transport: 'ajax', endpoint: '/pusher/auth' },
});

pusher.connection.bind('state_change', ({ current }) => {
  element('state').textContent = current;
  element('state').dataset.state = current;
});

pusher.subscribe(settings.logs).bind('log.line', ({ level, source, at, text }) => {
  const line = document.createElement('li');
  line.dataset.level = level;
  line.append(cell('time', time(at)), cell('level', level), cell('source', source), text);
  element('lines').append(line);
  while (element('lines').children.length > LINES_SHOWN) element('lines').firstChild.remove();
});

pusher.subscribe(settings.admin).bind('admin.event', ({ kind, at, text }) => {
  const item = document.createElement('li');
  item.append(cell('kind', kind), cell('time', time(at)), cell('text', text));
  element('admin').prepend(item);
  while (element('admin').children.length > ADMIN_EVENTS_SHOWN) element('admin').lastChild.remove();
});

element('toggle').addEventListener('click', async () => {
  const wanted = element('switch').dataset.state === 'on' ? 'off' : 'on';
  showStatus(await (await fetch(`/broadcasting/${wanted}`, { method: 'POST' })).json());
});

function showStatus({ broadcasting, reason, ...counters }) {
  const state = broadcasting ? 'on' : 'off';
  element('switch').textContent = state;
  element('switch').dataset.state = state;
  element('toggle').textContent = broadcasting ? 'Switch off' : 'Switch on again';
  element('toggle').classList.toggle('quiet', broadcasting);
  element('reason').hidden = broadcasting;
  element('reason').textContent = reason;
  for (const [name, count] of Object.entries(counters)) element(name).textContent = count;
  // A server that refuses the app closes its connections too, and pusher-js then gives up for good.
  if (broadcasting && pusher.connection.state === 'disconnected') pusher.connect();
}

async function pollStatus() {
  try {
    showStatus(await (await fetch('/status')).json());
  } catch {
    element('switch').textContent = 'unknown';
    delete element('switch').dataset.state;
  }
  setTimeout(pollStatus, MS_BETWEEN_STATUS);
}

function cell(kind, text) {
  const span = document.createElement('span');
  span.className = kind;
  span.textContent = text;
  return span;
}

const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString('en-GB');

pollStatus();
