// The inbox of whoever is logged in.

const element = (id) => document.getElementById(id);
const settings = await (await fetch('/settings')).json();

for (const { id, name } of settings.accounts) {
  element('login').elements.user.append(new Option(name, id));
  element('notify').elements.to.append(new Option(name, id));
}
element('notify').elements.to.append(new Option('everybody', 'everybody'));

const whoAmI = await fetch('/me');
if (whoAmI.ok) connect(await whoAmI.json());
else element('login').hidden = false;

function connect(user) {
  element('desk').hidden = false;
  element('logout').hidden = false;
  element('user').hidden = false;
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
    userAuthentication: { transport: 'ajax', endpoint: '/pusher/user-auth' },
    channelAuthorization: { transport: 'ajax', endpoint: '/pusher/auth' },
  });

  pusher.connection.bind('state_change', ({ current }) => {
    element('state').hidden = false;
    element('state').textContent = current;
    element('state').dataset.state = current;
    // This page never disconnects by itself: the server has closed the connection for good.
    if (current === 'disconnected') showLogin(`${user.name} is logged out.`);
  });

  pusher.signin();
  pusher.user.bind('notification', (event) => addToInbox('for you', event));
  pusher.user.bind('pusher:signin_error', () => pusher.disconnect());
  pusher.connection.bind('message', ({ event }) => {
    if (event === 'pusher:signin_success') element('user').textContent = user.name;
  });
  pusher
    .subscribe(settings.channel)
    .bind('announcement', (event) => addToInbox('for everybody', event));
}

function showLogin(why) {
  for (const id of ['desk', 'logout', 'user']) element(id).hidden = true;
  element('inbox').replaceChildren();
  element('login').hidden = false;
  element('why').hidden = false;
  element('why').textContent = why;
}

function addToInbox(audience, { from, text, at }) {
  element('empty').hidden = true;
  const item = document.createElement('li');
  const avatar = document.createElement('span');
  avatar.className = 'avatar';
  avatar.textContent = from.slice(0, 1);
  item.append(
    avatar,
    part('b', from),
    part('small', `${audience}, ${new Date(at).toLocaleTimeString('en-GB')}`),
    part('p', text),
  );
  element('inbox').prepend(item);
}

function part(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

element('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  await post('/login', event.target);
  location.reload();
});

element('notify').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { ok, status } = await post('/notify', event.target);
  element('failure').hidden = ok;
  element('failure').textContent = `Not sent (${status}).`;
  if (ok) event.target.elements.text.value = '';
});

element('logout').addEventListener('click', () => fetch('/logout', { method: 'POST' }));

function post(path, form) {
  return fetch(path, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
}
