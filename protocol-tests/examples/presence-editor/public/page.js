// A text that everybody in the member list edits at the same time.

import { merge, moveCaret } from './merge.js';

const MS_BETWEEN_TYPING_EVENTS = 500;
const MS_UNTIL_TYPING_ENDS = 2500;

const element = (id) => document.getElementById(id);
const name = new URLSearchParams(location.search).get('document') ?? 'release-notes';
element('name').textContent = name;

element('join').addEventListener('submit', async (event) => {
  event.preventDefault();
  await fetch('/join', { method: 'POST', body: new URLSearchParams(new FormData(event.target)) });
  start();
});
start();

async function start() {
  const answer = await fetch('/me');
  element('join').hidden = answer.ok;
  element('desk').hidden = !answer.ok;
  if (answer.ok) connect(await (await fetch('/settings')).json());
}

function connect(settings) {
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
    element('state').hidden = false;
    element('state').textContent = current;
    element('state').dataset.state = current;
  });
  const channel = pusher.subscribe(`${settings.channelPrefix}${name}`);
  listMembers(channel);
  shareText(pusher, channel);
}

function listMembers(channel) {
  const typing = new Map();
  const show = () => {
    const members = [];
    // They come in no particular order.
    channel.members.each((member) => members.push(member));
    members.sort((a, b) => a.info.name.localeCompare(b.info.name));
    element('count').textContent = channel.members.count;
    element('members').replaceChildren(...members.map((member) => row(member)));
  };

  function row({ id, info }) {
    const item = document.createElement('li');
    item.dataset.name = info.name;
    item.classList.toggle('typing', typing.has(id));
    const avatar = document.createElement('span');
    avatar.className = 'avatar';
    avatar.style.background = info.colour;
    avatar.textContent = info.name.slice(0, 1).toUpperCase();
    const label = document.createElement('b');
    label.textContent = info.name;
    const note = document.createElement('small');
    note.textContent = id === channel.members.myID ? 'you' : (typing.get(id)?.note ?? 'reading');
    item.append(avatar, label, note);
    return item;
  }

  function stopTyping(id) {
    clearTimeout(typing.get(id)?.timer);
    typing.delete(id);
  }

  // Client events go from browser to browser. Who sent one is the server's word, not the sender's.
  channel.bind('client-typing', ({ line }, { user_id: id }) => {
    stopTyping(id);
    const timer = setTimeout(() => {
      stopTyping(id);
      show();
    }, MS_UNTIL_TYPING_ENDS);
    typing.set(id, { note: `typing in line ${line}`, timer });
    show();
  });
  channel.bind('pusher:subscription_succeeded', show);
  channel.bind('pusher:member_added', show);
  channel.bind('pusher:member_removed', ({ id }) => {
    stopTyping(id);
    show();
  });
}

function shareText(pusher, channel) {
  const text = element('text');
  /** What the server had when we last heard of it and have merged it with what is typed here. */
  let shared = { version: -1, text: '' };
  let newest = shared;
  let lastTyping = 0;
  let busy = false;

  // Each round either takes the newest text in or hands the own one out, until the two are equal.
  async function synchronise() {
    if (busy) return;
    busy = true;
    try {
      for (;;) {
        if (newest.version > shared.version) adopt(newest);
        else if (text.value !== shared.text) await save();
        else break;
      }
      element('saved').textContent = `version ${shared.version}`;
    } catch {
      element('saved').textContent = 'not saved yet';
    }
    busy = false;
  }

  function adopt(theirs) {
    const [before, caret] = [text.value, text.selectionStart];
    text.value = merge(shared.text, before, theirs.text);
    if (document.activeElement === text) {
      text.selectionStart = text.selectionEnd = moveCaret(caret, before, text.value);
    }
    shared = theirs;
  }

  async function save() {
    element('saved').textContent = 'saving…';
    const mine = text.value;
    const response = await fetch(`/documents/${name}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        version: shared.version,
        text: mine,
        socketId: pusher.connection.socket_id,
      }),
    });
    if (response.status === 409) return hear(await response.json());
    if (!response.ok) throw new Error(response.statusText);
    shared = { version: (await response.json()).version, text: mine };
  }

  function hear(document) {
    if (document.version > newest.version) newest = document;
  }

  // Subscribed first, then fetched: no change falls between the two. After a lost connection
  // pusher-js subscribes again, and this catches up.
  channel.bind('pusher:subscription_succeeded', async () => {
    hear(await (await fetch(`/documents/${name}`)).json());
    text.disabled = false;
    synchronise();
  });
  channel.bind('document.changed', (document) => {
    hear(document);
    synchronise();
  });
  text.addEventListener('input', () => {
    const now = Date.now();
    // A connection may send ten client events a second.
    if (now - lastTyping > MS_BETWEEN_TYPING_EVENTS) {
      lastTyping = now;
      const line = text.value.slice(0, text.selectionStart).split('\n').length;
      channel.trigger('client-typing', { line });
    }
    synchronise();
  });
}
