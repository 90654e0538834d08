// The applications in `examples/`: what a visitor sees, in a real browser.

import assert from 'node:assert/strict';
import http from 'node:http';
import { before, test } from 'node:test';

import { merge, moveCaret } from '../examples/presence-editor/public/merge.js';
import { MAIN } from '../lib/apps.mjs';
import { launchBrowser, screenshot } from '../lib/browser.mjs';
import { defer, deferToEnd } from '../lib/defer.mjs';
import {
  openTab,
  startExample,
  visitor,
  waitForOtherText,
  waitForText,
} from '../lib/examples.mjs';
import { until } from '../lib/inbox.mjs';
import { OWN_SERVER, Server } from '../lib/server.mjs';

let browser;
before(async () => {
  browser = await launchBrowser();
});
deferToEnd(() => browser?.close());

/** A Foghorn for one test, on the port of an earlier one if need be. */
async function serve(t, options = {}, at = {}) {
  const server = new Server(options);
  await server.start(at);
  defer(t, () => server.stop());
  return server;
}

/** The same port again with other settings: what an operator does. */
async function replace(t, server, options) {
  await server.stop();
  return serve(t, options, { port: server.port });
}

const waitForState = (page, state) => page.waitForSelector(`#state[data-state="${state}"]`);

test('example: metrics-stream draws every sample', async (t) => {
  const url = await startExample(t, 'metrics-stream', await serve(t));
  const viewer = await visitor(t, browser);
  const page = await openTab(viewer, url);
  await waitForState(page, 'connected');
  await waitForText(page, '#requests .value', /^\d+\.\d$/);
  for (const _ of ['the first live sample', 'the second']) {
    await waitForOtherText(page, '#metrics', await page.textContent('#metrics'));
  }
  const lines = await page.$$eval('.line', (all) => all.map((line) => line.getAttribute('d')));
  assert.deepEqual(lines.map((d) => d.split('L').length), [60, 60, 60, 60]);
  assert.deepEqual(viewer.faults, []);
  await screenshot(page, 'example-metrics-stream');
});

const ofLogStream = async (url) => (await fetch(`${url}/status`)).json();

for (const status of [403, 402]) {
  const name = `example: log-stream switches itself off over quota (${status}), and on again`;
  test(name, OWN_SERVER, async (t) => {
    const limit = 60;
    const app = { ...MAIN, max_messages_per_day: limit, quota_status: status };
    const server = await serve(t, { apps: [app] });
    const url = await startExample(t, 'log-stream', server);
    const viewer = await visitor(t, browser);
    const page = await openTab(viewer, url);
    await page.waitForSelector('#admin li:nth-child(2)');
    await page.waitForSelector('#switch[data-state="on"]');
    if (status === 403) await screenshot(page, 'example-log-stream');

    await page.waitForSelector('#switch[data-state="off"]');
    const numbers = `has used \\d+ messages today, the limit is ${limit} per day`;
    await waitForText(page, '#reason', new RegExp(`^${status} The app ${numbers}`));
    await waitForText(page, '#kept_back', /^[1-9]/);
    await waitForState(page, 'connected');
    const { broadcasting, sent } = await ofLogStream(url);
    assert.equal(broadcasting, false);
    if (status === 403) await screenshot(page, 'example-log-stream-off');

    await replace(t, server, { apps: [{ ...app, max_messages_per_day: 1_000_000 }] });
    const quiet = await ofLogStream(url);
    assert.deepEqual([quiet.broadcasting, quiet.sent], [false, sent], 'it must not try by itself');
    const last = await page.textContent('#lines li:last-child');
    await page.click('#toggle');
    await waitForState(page, 'connected');
    await waitForOtherText(page, '#lines li:last-child', last);
    await page.waitForSelector('#switch[data-state="on"]');
    assert.deepEqual(viewer.faults, []);
  });
}

test('example: log-stream switches itself off with its app', OWN_SERVER, async (t) => {
  const server = await serve(t);
  const url = await startExample(t, 'log-stream', server);
  const page = await openTab(await visitor(t, browser), url);
  await page.waitForSelector('#lines li');
  await replace(t, server, { apps: [{ ...MAIN, enabled: false }] });
  await page.waitForSelector('#switch[data-state="off"]');
  await waitForText(page, '#reason', /^403 ./);
  await waitForState(page, 'disconnected');
});

for (const status of [429, 503]) {
  test(`example: log-stream is quiet for a while when told ${status}`, async (t) => {
    let asked = 0;
    const busy = http.createServer((_, response) => {
      asked += 1;
      response.writeHead(asked > 2 ? 200 : status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(asked > 2 ? {} : { error: 'Not now.', code: status }));
    });
    await new Promise((ready) => busy.listen(0, '127.0.0.1', ready));
    defer(t, () => {
      busy.closeAllConnections();
      return new Promise((done) => busy.close(done));
    });
    const { port } = busy.address();
    const url = await startExample(t, 'log-stream', { host: '127.0.0.1', port, app: MAIN });
    const isBack = ({ sent }) => sent > 0;
    const back = await until(isBack, () => ofLogStream(url), 'it to go on');
    assert.deepEqual([back.broadcasting, back.reason, back.failed], [true, '', 2]);
    assert.ok(back.kept_back > 0, 'what came meanwhile is kept back');
  });
}

test('example: presence-editor shows who is there and what they write', async (t) => {
  const url = await startExample(t, 'presence-editor', await serve(t));
  const join = async (name) => {
    const context = await visitor(t, browser);
    const page = await openTab(context, url);
    await page.fill('#join input', name);
    await page.click('#join button');
    await page.waitForSelector('#text:enabled');
    return page;
  };
  const anna = await join('Anna');
  await anna.waitForSelector('#members [data-name="Anna"]');
  const ben = await join('Ben');
  await waitForText(anna, '#members', /Anna.*Ben/);
  await waitForText(ben, '#members', /Anna.*Ben/);

  await Promise.all([
    ben.waitForSelector('#members [data-name="Anna"].typing'),
    write(anna, 'Control+End', '- translate the manual\n'),
  ]);
  await waitForInput(ben, '- translate the manual\n');
  const late = await join('Zoë');
  await waitForInput(late, '- translate the manual\n');
  await waitForText(anna, '#count', /^3$/);

  await Promise.all([
    anna.waitForSelector('#members [data-name="Ben"].typing'),
    write(anna, 'Control+Home', 'Out on Thursday. '),
    write(ben, 'Control+End', '- thank everybody'),
  ]);
  for (const page of [anna, ben, late]) {
    await waitForInput(page, 'Out on Thursday. Release notes\n');
    await waitForInput(page, '- translate the manual\n- thank everybody');
  }
  await screenshot(anna, 'example-presence-editor');
  assert.equal(await anna.inputValue('#text'), await ben.inputValue('#text'));

  await ben.context().close();
  await waitForText(anna, '#count', /^2$/);
  assert.deepEqual(await anna.$$('#members [data-name="Ben"]'), []);
  assert.deepEqual([anna, late].flatMap((page) => page.context().faults), []);
});

async function write(page, position, text) {
  await page.focus('#text');
  await page.keyboard.press(position);
  await page.keyboard.type(text);
}

const waitForInput = (page, part) =>
  page.waitForFunction((text) => document.getElementById('text').value.includes(text), part);

test('example: presence-editor merges what two people typed', () => {
  const check = (base, mine, theirs, expect) => assert.equal(merge(base, mine, theirs), expect);
  check('abc', 'abc', 'abXc', 'abXc');
  check('abc', 'Xabc', 'abc', 'Xabc');
  check('abc', 'Xabc', 'abcY', 'XabcY');
  check('abc', 'abcY', 'Xabc', 'XabcY');
  check('abc', 'abMc', 'abTc', 'abTMc');
  check('abcdef', 'aMef', 'abcTf', 'aTMf');
  check('abc', 'abXc', 'abXc', 'abXc');
  assert.deepEqual([moveCaret(2, 'abc', 'Xabc'), moveCaret(1, 'abc', 'abcX')], [3, 1]);
});

test('example: notifications reach one user, and log-out ends them', async (t) => {
  const url = await startExample(t, 'notifications', await serve(t));
  const annas = await visitor(t, browser);
  const bens = await visitor(t, browser);
  const first = await logIn(annas, url, 'anna', 'Anna Albrecht');
  const second = await openTab(annas, url);
  await waitForText(second, '#user', /^Anna Albrecht$/);
  const ben = await logIn(bens, url, 'ben', 'Ben Okafor');

  await notify(ben, 'anna', 'The numbers are in.');
  for (const page of [first, second]) await waitForText(page, '#inbox', /The numbers are in\./);
  await notify(first, 'ben', 'Thank you!');
  await waitForText(ben, '#inbox', /Thank you!/);
  await notify(ben, 'anna', 'Shall we go through them at four?');
  await notify(first, 'everybody', 'Version 0.2 is out.');
  await notify(ben, 'everybody', 'Cake in the kitchen.');
  for (const page of [first, second, ben]) await waitForText(page, '#inbox', /Cake in the kitchen/);
  assert.doesNotMatch(await ben.textContent('#inbox'), /numbers/);
  assert.doesNotMatch(await second.textContent('#inbox'), /Thank you/);
  await screenshot(first, 'example-notifications');

  await first.click('#logout');
  for (const page of [first, second]) {
    await page.waitForSelector('#login:not([hidden])');
    await waitForText(page, '#why', /^Anna Albrecht is logged out\.$/);
    await waitForState(page, 'disconnected');
  }
  await second.reload();
  await second.waitForSelector('#login:not([hidden])');
  await notify(ben, 'ben', 'Still here.');
  await waitForText(ben, '#inbox', /Still here\./);
  assert.deepEqual([...annas.faults, ...bens.faults], []);
});

async function logIn(context, url, id, name) {
  const page = await openTab(context, url);
  await page.selectOption('#login select', id);
  await page.click('#login button');
  await waitForText(page, '#user', new RegExp(`^${name}$`));
  await waitForState(page, 'connected');
  return page;
}

async function notify(page, to, text) {
  await page.selectOption('#notify select', to);
  await page.fill('#notify textarea', text);
  await page.click('#notify button');
  // The page empties the field once the text is sent.
  await page.waitForFunction(() => document.querySelector('#notify textarea').value === '');
}

test('example: queue-monitor goes on after the server was away', OWN_SERVER, async (t) => {
  const server = await serve(t);
  const url = await startExample(t, 'queue-monitor', server);
  const viewer = await visitor(t, browser);
  const page = await openTab(viewer, url);
  await waitForState(page, 'connected');
  const number = await waitForText(page, '#number', /^\d{2}$/);
  assert.notEqual(await waitForText(page, '#waiting', /\d/), '–');

  await server.stop();
  await page.waitForSelector('body.stale');
  const earlier = Number(await page.textContent('#number'));
  assert.ok(earlier >= Number(number));
  await screenshot(page, 'example-queue-monitor-away');

  await server.start({ port: server.port });
  await waitForState(page, 'connected');
  await waitForText(page, '#summary', /^reconnections: 1,/);
  await page.waitForFunction(
    (before) => Number(document.getElementById('number').textContent) > before,
    earlier,
  );
  assert.deepEqual(viewer.faults, []);
  await screenshot(page, 'example-queue-monitor');
});
