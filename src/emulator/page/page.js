// The page of `fanfare emulate`: what the phones would have got, live.
//
// All it knows comes from the interface under /_emulator/ (../README.md). Texts of messages are a
// stranger's: they enter the document as text only, and as a link or an image only past webUrl().

/** @typedef {object} Phone as GET phones answers; @typedef {object} Delivery as GET inbox does */
/** @typedef {{phone: Phone, inbox: Delivery[], active: number, card: ?object}} Entry
 *    `active`: the last change of a delivery to it. */

const MAX_PHONES = 300; // Known at a time.
const MAX_CARDS = 50; // Drawn at a time.
const MAX_INBOX = 40; // Kept for each phone.
const MAX_REQUESTS = 300;
const FIRST_CHANGES = 500;
const WAIT_S = 25;

const PLATFORMS = {android: 'Android', ios: 'iOS', web: 'Web', '': 'Unknown platform'};
const OUTCOMES = {
  pending: ['waiting', 'Waits for the phone to be online.'],
  delayed: ['delayed', 'Comes later: the phone saves its battery.'],
  collapsed: ['collapsed', 'A newer message with the same collapse key took its place.'],
  expired: ['expired', 'Its time to live ended before the phone was online.'],
  dropped_too_many_pending: ['dropped', 'Too many messages were waiting for this phone.'],
  dropped_inactive: ['dropped', 'The phone was away for too long.'],
  dropped_uninstalled: ['dropped', 'The app is no longer on the phone.'],
};
// Key of the faults -> label, hint. The interface's other settings are shown by their keys.
const SETTINGS = {
  latency_ms: ['Latency', 'ms before a request is processed'],
  latency_jitter_ms: ['Jitter', 'ms at most, added to the latency'],
  outage_share: ['Share in the outage', 'of devices, 0 to 1'],
  error_503_share: ['Share answered 503', 'of messages, 0 to 1'],
  retry_after: ['Retry-After', 's; empty: none'],
  retry_after_as_date: ['Retry-After as a date', 'in place of seconds'],
  quota_per_minute: ['Quota', 'messages a minute; empty: none'],
};

// ---------------------------------------------------------------- document

const $ = (id) => document.getElementById(id);

/** An element; a function among the attributes listens to the event of that name. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(Boolean));
  return element;
}

/** Sets a text only where it changed, so that a reader's selection and a live region rest. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `nodes` the children of `parent`, moving only those that are not in place. */
function setChildren(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
}

let serial = 0;
const newId = () => `n${++serial}`;

/** `text` as an address if its scheme is one of these, else null. */
function webUrl(text, schemes = ['https:', 'http:']) {
  try {
    const url = new URL(String(text));
    return schemes.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function shorten(value, length = 20) {
  const text = String(value);
  return text.length <= length ? text : `${text.slice(0, length - 5)}…${text.slice(-4)}`;
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const HOURS = new Intl.DateTimeFormat([], {hour: '2-digit', minute: '2-digit'});
const SECONDS = new Intl.DateTimeFormat([], {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const DAYS = new Intl.DateTimeFormat([], {day: 'numeric', month: 'short'});
const FULL = new Intl.DateTimeFormat([], {dateStyle: 'medium', timeStyle: 'medium'});

function timeOf(iso, format = SECONDS) {
  const date = new Date(iso);
  return h('time', {datetime: iso, title: FULL.format(date)}, format.format(date));
}

// As phones do: the hour today, else the day.
function shortTime(iso) {
  const today = DAYS.format(deviceNow()) === DAYS.format(new Date(iso));
  return timeOf(iso, today ? HOURS : DAYS);
}

// Said once a second at most, and never more than can be listened to.
const unsaid = [];
function announce(text) {
  if (unsaid.push(text) > 1) return;
  setTimeout(() => {
    const texts = unsaid.splice(0);
    $('announcer').textContent =
      texts.length > 3 ? `${texts.length} new notifications` : texts.join('. ');
  }, 700);
}

// ---------------------------------------------------------------- the emulator

/** What the emulator refused, and how to mend it. */
class Refusal extends Error {
  constructor(answer, status) {
    super([answer?.error ?? `answered ${status}`, answer?.remedy].filter(Boolean).join(': '));
  }
}

async function ask(path, body, seconds = 15) {
  const response = await fetch(`/_emulator/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: body ? {'content-type': 'application/json'} : {},
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(seconds * 1000),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok || !answer) throw new Refusal(answer, response.status);
  return answer;
}

const words = (error) =>
  error instanceof Refusal ? error.message : 'The emulator does not answer: is it running?';

/** Runs what a control asks for; what goes wrong is said in `place`. */
async function attempt(place, action) {
  try {
    setText(place, '');
    await action();
    return true;
  } catch (error) {
    setText(place, words(error));
    return false;
  }
}

const state = {
  change: 0,
  /** @type {Map<string, Entry>} by registration, in the order they were met */
  phones: new Map(),
  /** @type {Map<string, {request: object, rows: Element[]}>} oldest first */
  log: new Map(),
  faults: {fault: 'none'},
  catalogue: [],
  clock: {now: Date.now(), at: Date.now(), ahead_s: 0},
  target: '',
};

/** Follows the emulator for ever; when it went and came back, everything is read anew. */
async function follow() {
  for (let wait = 500; ; wait = Math.min(wait * 1.5, 3000)) {
    try {
      await startAfresh();
      showLive('live');
      wait = 500;
      for (;;) await takeChanges();
    } catch (error) {
      console.warn(error);
      showLive('gone');
      await sleep(wait);
    }
  }
}

async function startAfresh() {
  const changes = await ask(`changes?after=0&wait_s=0&limit=${FIRST_CHANGES}`);
  const [phones, clock, faults, catalogue] = await Promise.all([
    ask(`phones?limit=${MAX_PHONES}`), ask('clock'), ask('faults'), ask('faults/catalogue'),
  ]);
  // What is drawn stays drawn, and with it what is in focus or open.
  const known = new Set([...phones.phones, ...changes.deliveries].map(({device}) => device));
  for (const [device, entry] of state.phones) {
    entry.inbox = [];
    entry.active = 0;
    if (!known.has(device)) state.phones.delete(device);
  }
  for (const phone of phones.phones) entryOf(phone).phone = phone;
  changes.deliveries.forEach(keep);
  state.change = changes.next;
  state.catalogue = catalogue.faults;
  setClock(clock);
  setFaults(faults);
  if ($('faults-groups').children.length === 0) drawGroups();
  logRequests(changes.requests, true);
  drawPhones();
  await drawStats();
}

async function takeChanges() {
  const {next, deliveries, requests, faults_changed, missed} =
    await ask(`changes?after=${state.change}&wait_s=${WAIT_S}&limit=${FIRST_CHANGES}`, null, WAIT_S + 10);
  if (missed || next < state.change) {
    await sleep(1000);
    return startAfresh();
  }
  state.change = next;
  deliveries.forEach((delivery) => keep(delivery) && greet(delivery));
  if (faults_changed) setFaults(await ask('faults'));
  if (deliveries.length > 0) drawPhones();
  if (requests.length > 0) logRequests(requests);
  refreshSoon();
  if (deliveries.length + requests.length > 0) await sleep(150); // A flood comes in portions.
}

function showLive(live) {
  $('live').dataset.state = live;
  setText($('live'), live === 'live' ? 'Live' : 'Reconnecting…');
  setText($('problem'), live === 'live' ? '' :
    'The emulator does not answer. Below is what it said last; this page tries again by itself.');
}

let refreshing = null;
/** Reads what changes do not carry: badges, healths, counts. */
function refreshSoon() {
  if (document.hidden) return;
  refreshing ??= setTimeout(async () => {
    try {
      await Promise.all([refreshPhones(), drawStats(), ask('clock').then(setClock)]);
    } catch { /* follow() notices as well, and says so. */ }
    refreshing = null;
  }, 500);
}

async function refreshPhones() {
  const began = state.change;
  const {phones} = await ask(`phones?limit=${MAX_PHONES}`);
  const known = new Set(phones.map((phone) => phone.device));
  for (const [device, {active}] of state.phones) {
    if (!known.has(device) && active <= began) state.phones.delete(device);
  }
  for (const phone of phones) entryOf(phone).phone = phone;
  drawPhones();
}

// ---------------------------------------------------------------- phones

/** The entry of a phone, made when it is not known yet. @returns {Entry} */
function entryOf(phone) {
  let entry = state.phones.get(phone.device);
  if (!entry) {
    entry = {phone, inbox: [], active: 0, card: null};
    state.phones.set(phone.device, entry);
  }
  return entry;
}

/** Keeps a delivery; true when it newly reached its phone. @param {Delivery} delivery */
function keep(delivery) {
  const {device, platform, user} = delivery;
  const entry = entryOf({device, platform, user, kind: device.includes(':') ? 'token' : 'fid',
                         app: null, health: 'living', online: true, badge: null, pending: 0});
  const at = entry.inbox.findIndex(({id}) => id === delivery.id);
  const before = at < 0 ? null : entry.inbox[at];
  if (before) entry.inbox[at] = delivery;
  else if (entry.inbox.push(delivery) > MAX_INBOX) entry.inbox.shift();
  entry.active = Math.max(entry.active, delivery.change);
  return delivery.outcome === 'delivered' && before?.outcome !== 'delivered';
}

/** @param {Delivery} delivery that has come just now */
function greet(delivery) {
  delivery.fresh = true;
  const {title, body} = delivery.shown ?? {};
  const what = title || body ? shorten([title, body].filter(Boolean).join(', '), 120) : 'data';
  announce(`${nameOf(state.phones.get(delivery.device).phone)}: ${what}`);
}

const nameOf = (phone) => shorten(phone.user || phone.device, phone.user ? 40 : 20);

function fits({phone}, wanted) {
  const text = `${phone.user ?? ''} ${phone.device} ${PLATFORMS[phone.platform]}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

/** The entries to draw: all, or of too many those with the latest activity. */
function chosen() {
  const wanted = $('phones-words').value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...state.phones.values()].filter((entry) => fits(entry, wanted));
  if (all.length <= MAX_CARDS) return all;
  const busy = new Set([...all].sort((a, b) => b.active - a.active).slice(0, MAX_CARDS));
  return all.filter((entry) => busy.has(entry) || entry.card?.root.contains(document.activeElement));
}

function drawPhones() {
  const entries = chosen();
  const count = state.phones.size;
  setChildren($('phones-list'), entries.map((entry) => drawCard(entry).root));
  for (const entry of state.phones.values()) if (!entry.card?.root.isConnected) entry.card = null;
  setText($('phones-count'), count > 0 ? String(count) : '');
  $('phones-empty').hidden = count > 0;
  $('phones-filter').hidden = count <= 12;
  const latest = entries.length === MAX_CARDS ? ', those with the latest activity' : '';
  setText($('phones-drawn'), `${entries.length} of ${count} phones${latest}`);
  drawTargets();
}

/** Draws a phone, into its card if it has one. @param {Entry} entry */
function drawCard(entry) {
  const card = (entry.card ??= makeCard(entry));
  const {phone} = entry;
  const name = nameOf(phone);
  const {root} = card;
  root.dataset.platform = phone.platform;
  root.dataset.online = phone.online;
  setText(card.name, name);
  setText(card.platform, [PLATFORMS[phone.platform], phone.app].filter(Boolean).join(' · '));
  if (!card.registration.matches('.whole')) setText(card.registration, shorten(phone.device, 26));
  setText(card.kind, phone.kind === 'fid' ? 'FID' : 'Token');
  const health = phone.installed === false ? 'uninstalled' : phone.health;
  setText(card.health, health.replaceAll('_', ' '));
  card.health.className = `chip ${health === 'living' ? 'ok' : 'bad'}`;
  setText(card.online, phone.online ? 'online' : 'offline');
  card.online.className = `chip ${phone.online ? 'ok' : 'off'}`;
  setText(card.pending, `${phone.pending} waiting`);
  card.pending.hidden = !phone.pending;
  setText(card.reach, phone.online ? 'online' : 'offline');
  setText(card.hour, HOURS.format(deviceNow()));
  setText(card.letter, appName(phone).slice(0, 1).toUpperCase());
  setText(card.badge, String(phone.badge ?? ''));
  card.badge.hidden = !phone.badge;
  card.badge.setAttribute('aria-label', `badge ${phone.badge}`);
  card.tray.setAttribute('aria-label', `Notifications of ${name}, newest first`);
  setText(card.toggle, phone.online ? 'Go offline' : 'Go online');
  card.read.disabled = !phone.badge;
  card.migrate.hidden = phone.kind === 'fid';
  card.disable.hidden = phone.platform !== 'ios';
  drawTray(entry);
  return card;
}

function makeCard(entry) {
  const device = () => entry.phone.device;
  const part = (tag, className, attributes) => h(tag, {class: className, ...attributes});
  const button = (label, run) => h('button', {type: 'button', click: run}, label);
  const title = newId();
  const card = {
    name: part('h3', 'name', {id: title, dir: 'auto'}), platform: part('p', 'platform', {dir: 'auto'}),
    registration: part('code', 'registration'), kind: part('span', 'kind'),
    health: part('span', 'chip'), online: part('span', 'chip'), pending: part('span', 'chip off'),
    reach: part('span', 'reach', {'aria-hidden': 'true'}), hour: part('span', 'hour', {'aria-hidden': 'true'}),
    tray: part('ul', 'tray', {tabindex: 0}), letter: part('span', 'tile', {'aria-hidden': 'true'}),
    badge: part('span', 'badge', {role: 'img'}), error: part('p', 'error', {role: 'alert'}),
    nodes: new Map(),
  };
  const act = (action, body) => () => attempt(card.error, () => actOn(device(), action, body));
  card.toggle = button('', () => act(entry.phone.online ? 'offline' : 'online')());
  card.read = button('Mark read', act('read'));
  card.migrate = button('Migrate to FID', act('migrate'));
  card.disable = button('Disable APNs', act('disable-apns', {as: '400'}));
  card.root = h('li', {class: 'card', 'aria-labelledby': title},
    h('div', {class: 'who'}, card.name, card.platform,
      h('p', {class: 'chips'}, card.health, card.online, card.pending),
      h('p', {class: 'reg'}, card.kind, card.registration, button('Copy', (event) => copy(event.target, card, device())))),
    h('div', {class: 'frame'},
      h('div', {class: 'status'}, card.hour, h('span', {class: 'lens'}), card.reach),
      card.tray,
      h('div', {class: 'dock'}, h('span', {class: 'home'}, card.letter, card.badge))),
    h('div', {class: 'buttons', role: 'group', 'aria-labelledby': title},
      button('Send', () => sendTo(device())), card.toggle, card.read,
      h('details', {class: 'more'}, h('summary', {}, 'More'),
        h('div', {}, button('Rotate', act('rotate')), card.migrate, card.disable,
          button('Uninstall', act('uninstall', {}))))),
    card.error);
  return card;
}

// Android and iOS name apps in reverse, the web by host.
const appName = ({app, platform}) => (platform === 'web' ? app : app?.split('.').at(-1)) || 'app';

async function actOn(device, action, body = {}) {
  const phone = await ask(`devices/${encodeURIComponent(device)}/${action}`, body);
  entryOf(phone).phone = phone;
  announce(`${nameOf(phone)}: ${action} done`);
  drawPhones();
  refreshSoon();
}

async function copy(button, card, device) {
  try {
    await navigator.clipboard.writeText(device);
    setText(button, 'Copied');
    announce('Registration copied');
    setTimeout(() => setText(button, 'Copy'), 1500);
  } catch { // Not a secure origin: then it can be marked by hand.
    card.registration.classList.add('whole');
    card.registration.textContent = device;
    getSelection().selectAllChildren(card.registration);
  }
}

// ---------------------------------------------------------------- notifications

const whenOf = (delivery) => (delivery.outcome === 'delivered' && delivery.settled_at) || delivery.accepted_at;

/** Newest first, each with whether a newer one took its place: iOS goes by the collapse id. */
function trayOf(inbox) {
  const tags = new Set();
  const newest = [...inbox].sort((a, b) => whenOf(b).localeCompare(whenOf(a)) || b.id - a.id);
  return newest.map((delivery) => {
    const {outcome, shown, platform, collapse_key} = delivery;
    const tag = outcome === 'delivered' && shown && (platform === 'ios' ? collapse_key : shown.tag);
    const replaced = Boolean(tag && tags.has(tag));
    if (tag) tags.add(tag);
    return {delivery, replaced};
  });
}

/** @param {Entry} entry */
function drawTray({card, phone, inbox}) {
  const before = card.nodes;
  const today = DAYS.format(deviceNow());
  card.nodes = new Map();
  for (const {delivery, replaced} of trayOf(inbox)) {
    const key = `${delivery.message} ${delivery.change} ${replaced} ${today}`;
    card.nodes.set(key, before.get(key) ?? drawDelivery(delivery, phone, replaced));
  }
  setChildren(card.tray, [...card.nodes.values()]);
}

function drawDelivery(delivery, phone, replaced) {
  const {shown, outcome} = delivery;
  let node;
  if (outcome !== 'delivered') node = drawLine(...(OUTCOMES[outcome] ?? [outcome, '']), delivery);
  else if (replaced) node = drawLine('replaced', 'A newer notification took its place.', delivery);
  else if (shown) node = drawNotification(delivery, phone);
  else node = drawLine('data', 'Nothing is shown: the app gets the data.', delivery);
  if (delivery.fresh) {
    delete delivery.fresh;
    node.classList.add('fresh');
    setTimeout(() => node.classList.remove('fresh'), 5000);
  }
  return node;
}

const pairsOf = (data) => Object.entries(data ?? {});
// A payload's own keys may hold anything.
const valueText = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
const inOneLine = (data) => pairsOf(data).map(([key, value]) => `${key}=${valueText(value)}`).join(' ');

function drawPairs(data) {
  return h('dl', {class: 'pairs'},
    pairsOf(data).map(([key, value]) => h('div', {}, h('dt', {dir: 'auto'}, key), h('dd', {dir: 'auto'}, valueText(value)))));
}

/** What is not on the screen, as a line that opens. */
function drawLine(word, why, delivery) {
  const {shown, data} = delivery;
  const says = word === 'data' ? inOneLine(data) || 'nothing' : shown?.title || shown?.body || inOneLine(data);
  return h('li', {class: 'line', 'data-outcome': word},
    h('details', {},
      h('summary', {}, h('span', {class: 'word'}, `${word}:`), ' ', h('bdi', {}, shorten(says ?? '', 120))),
      h('p', {class: 'why'}, why, ' ', shortTime(whenOf(delivery))),
      shown?.title && h('p', {dir: 'auto'}, shown.title),
      shown?.body && h('p', {dir: 'auto'}, shown.body),
      drawPairs(data), drawFacts(delivery)));
}

function drawNotification(delivery, phone) {
  const {shown, data} = delivery;
  const note = h('li', {class: 'note'},
    h('div', {class: 'from'}, drawIcon(shown, phone), h('span', {class: 'app', dir: 'auto'}, appName(phone)),
      shown.channel && h('span', {class: 'channel', dir: 'auto'}, shown.channel), shortTime(whenOf(delivery))),
    drawText('title', shown.title), drawText('subtitle', shown.subtitle), drawText('body', shown.body),
    shown.image && drawImage(shown.image),
    shown.actions?.length > 0 && h('ul', {class: 'actions', 'aria-label': 'Actions'},
      shown.actions.map((action) => h('li', {dir: 'auto'}, String(action.title ?? action)))),
    shown.link && drawLink(shown.link),
    pairsOf(data).length > 0 && h('details', {class: 'data'},
      h('summary', {}, 'data: ', h('bdi', {}, shorten(inOneLine(data), 80))), drawPairs(data)),
    drawFacts(delivery));
  if (/^#[0-9a-f]{6}$/i.test(shown.color)) note.style.setProperty('--tint', shown.color);
  return note;
}

/** A text, cut where a phone would cut it. */
function drawText(className, text) {
  if (!text) return null;
  const paragraph = h('p', {class: className, dir: 'auto'}, String(text));
  if (String(text).length < 160) return paragraph;
  paragraph.classList.add('cut');
  const more = h('button', {type: 'button', class: 'plain', 'aria-expanded': 'false', click: () => {
    const cut = paragraph.classList.toggle('cut');
    more.setAttribute('aria-expanded', String(!cut));
    setText(more, `Show ${cut ? 'all' : 'less'} of the ${className}`);
  }}, `Show all of the ${className}`);
  return [paragraph, more];
}

/** An image, or its address where there is none to be had. */
function drawImage(address) {
  const url = webUrl(address, ['https:', 'http:', 'data:']);
  const figure = h('figure', {class: 'image'});
  const fallBack = () => figure.replaceChildren(h('figcaption', {dir: 'ltr'}, `image: ${shorten(address, 90)}`));
  if (!url) fallBack();
  else figure.append(h('img', {src: url, alt: 'Image of the notification', referrerpolicy: 'no-referrer', error: fallBack}));
  return figure;
}

// Android names a drawable, the web an address.
function drawIcon(shown, phone) {
  const letter = h('span', {class: 'tile', 'aria-hidden': 'true'}, appName(phone).slice(0, 1).toUpperCase());
  const url = webUrl(shown.icon);
  if (!url) return letter;
  const image = h('img', {class: 'tile', src: url, alt: '', referrerpolicy: 'no-referrer',
                          error: () => image.replaceWith(letter)});
  return image;
}

function drawLink(link) {
  const url = webUrl(link);
  const text = shorten(link, 120);
  return h('p', {class: 'link'}, 'opens ', url ?
    h('a', {href: url, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr'}, text) : h('bdi', {}, text));
}

/** The small print: what the message says beside its texts. */
function drawFacts({shown, via, collapse_key, priority}) {
  const facts = Object.entries({...via, collapse_key}).map(([key, value]) => value && `${key.replace('_', ' ')} ${value}`);
  if (priority === 'normal') facts.push('normal priority');
  for (const key of ['icon', 'color', 'sound', 'badge', 'tag', 'category']) {
    if (shown?.[key] !== undefined && shown[key] !== '') facts.push(`${key} ${shown[key]}`);
  }
  const known = facts.filter(Boolean);
  return known.length > 0 && h('p', {class: 'facts', dir: 'auto'}, known.map((fact) => shorten(fact, 60)).join(' · '));
}

// ---------------------------------------------------------------- forms

function drawTargets() {
  const select = $('send').elements.target;
  const entries = [...state.phones.values()].slice(0, 200);
  const wanted = state.phones.get(state.target);
  if (wanted && !entries.includes(wanted)) entries.push(wanted);
  const key = entries.map(({phone}) => `${phone.device} ${nameOf(phone)}`).join('\n');
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  select.replaceChildren(...entries.map(({phone}) =>
    h('option', {value: phone.device}, `${nameOf(phone)} (${PLATFORMS[phone.platform]})`)));
  if (wanted) select.value = state.target;
  state.target = select.value;
}

function sendTo(device) {
  state.target = device;
  drawTargets();
  const {target, title} = $('send').elements;
  target.value = device;
  $('send-panel').open = true;
  title.focus();
  title.select();
}

/** "k=v" lines as an object. */
function parseData(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const bad = lines.find((line) => line.indexOf('=') < 1);
  if (bad) throw new Refusal({error: `“${shorten(bad)}” is no data`, remedy: 'write key=value'});
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1)]));
}

function composeMessage({target, title, body, image, data, validate_only}) {
  const phone = state.phones.get(target.value)?.phone;
  const message = {[phone?.kind === 'fid' ? 'fid' : 'token']: target.value};
  const texts = Object.entries({title, body, image}).map(([key, input]) => [key, input.value]);
  const notification = Object.fromEntries(texts.filter(([, value]) => value !== ''));
  if (Object.keys(notification).length > 0) message.notification = notification;
  const pairs = parseData(data.value);
  if (Object.keys(pairs).length > 0) message.data = pairs;
  return validate_only.checked ? {validate_only: true, message} : {message};
}

async function sendMessage(event) {
  event.preventDefault();
  const fields = $('send').elements;
  const place = $('answer');
  try {
    const response = await fetch(`/v1/projects/${encodeURIComponent(fields.project.value)}/messages:send`, {
      method: 'POST',
      headers: {'content-type': 'application/json', authorization: 'Bearer owner'},
      body: JSON.stringify(composeMessage(fields)),
    });
    const text = await response.text();
    place.replaceChildren(
      h('p', {}, 'FCM’s answer: ', h('span', {class: `chip ${toneOf(response.status)}`}, `${response.status} ${response.statusText}`)),
      h('pre', {tabindex: 0, 'aria-label': 'FCM’s answer as it is'}, text));
  } catch (error) {
    place.replaceChildren(h('p', {class: 'error'}, error instanceof Refusal ? error.message : 'No answer: the connection was cut.'));
  }
}

async function addPhone(event) {
  event.preventDefault();
  const {platform, user, kind} = $('add').elements;
  await attempt($('add-error'), async () => {
    const asked = {platform: platform.value, kind: kind.value};
    if (user.value) asked.user = user.value;
    const phone = await ask('devices', asked);
    entryOf(phone).phone = phone;
    state.target = phone.device;
    drawPhones();
    $('send').elements.target.value = phone.device;
    announce(`${nameOf(phone)} added`);
    state.phones.get(phone.device).card?.root.scrollIntoView({block: 'nearest'});
    user.value = '';
  });
}

// ---------------------------------------------------------------- requests

const toneOf = (status) => (status === 0 ? 'off' : status < 300 ? 'ok' : status < 500 ? 'warn' : 'bad');

/** Adds requests, oldest first, to the log, which may begin anew. */
function logRequests(requests, anew = false) {
  const before = state.log;
  if (anew) state.log = new Map();
  for (const request of requests.slice(-MAX_REQUESTS)) {
    const key = `${request.at} ${request.change}`;
    state.log.set(key, before.get(key) ?? {request, rows: drawRequest(request)});
  }
  const tooMany = Math.max(0, state.log.size - MAX_REQUESTS);
  for (const key of [...state.log.keys()].slice(0, tooMany)) state.log.delete(key);
  learnProject(requests);
  drawRequests();
}

/** The project that somebody sends to is the one to send to, unless another was written there. */
function learnProject(requests) {
  const path = requests.findLast(({plane}) => plane === 'send')?.path ?? '';
  const project = /^\/v1\/projects\/([^/]+)\/messages:send/.exec(path)?.[1];
  const field = $('send').elements.project;
  if (project && field.value === field.defaultValue) field.value = field.defaultValue = project;
}

function drawRequests() {
  drawKinds();
  const kind = $('requests-kind').value;
  const wanted = [...state.log.values()].filter(({request}) => kind === '' || request.kind === kind);
  setChildren($('requests-rows'), wanted.reverse().flatMap(({rows}) => rows));
  $('requests-empty').hidden = wanted.length > 0;
}

/** The filter: each kind of answer with its count. */
function drawKinds() {
  const counts = {'': state.log.size};
  for (const {request: {kind}} of state.log.values()) counts[kind] = (counts[kind] ?? 0) + 1;
  const select = $('requests-kind');
  const before = select.value;
  if (before) counts[before] ??= 0;
  const options = new Map([...select.options].map((option) => [option.value, option]));
  setChildren(select, Object.keys(counts).sort().map((kind) => {
    const option = options.get(kind) ?? h('option', {value: kind});
    setText(option, `${kind || 'all answers'} (${counts[kind]})`);
    return option;
  }));
  select.value = before;
}

// A known phone by its user.
const whoIs = (target) => shorten(state.phones.get(target)?.phone.user || target, 17);
const targetOf = ({target}) => Object.entries(target ?? {})[0] ?? null;

/** A request's row, and the one that opens below it. */
function drawRequest(request) {
  const {at, method, path, dry_run, status, kind, fault, meaning, advice} = request;
  const cell = (className, ...children) => h('td', {role: 'cell', class: className}, ...children);
  const target = targetOf(request);
  const id = newId();
  const detail = h('tr', {role: 'row', class: 'detail', id, hidden: ''},
    h('td', {role: 'cell', colspan: 5}, h('dl', {class: 'pairs'},
      [['path', path], ['plane', request.plane], target, request.text && ['says', request.text],
        request.field && ['blames', request.field], fault && ['fault', fault]].filter(Boolean).map(
        ([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {dir: 'auto'}, String(value)))))));
  const button = h('button', {type: 'button', class: 'plain opener', 'aria-expanded': 'false', 'aria-controls': id,
    'aria-label': `Details of ${method} ${shorten(path, 60)}, ${SECONDS.format(new Date(at))}`,
    click: () => {
      detail.hidden = !detail.hidden;
      button.setAttribute('aria-expanded', String(!detail.hidden));
    }});
  const row = h('tr', {role: 'row'},
    cell('at', button, timeOf(at)),
    cell('what', h('b', {}, method), ' ', path.split('?')[0].split('/').at(-1) || '/', dry_run && h('span', {class: 'chip'}, 'dry run')),
    cell('to', target && [h('span', {class: 'kind'}, target[0]), ' ', h('bdi', {}, whoIs(target[1]))]),
    cell('how', h('span', {class: `chip ${toneOf(status)}`}, kind || 'no answer'), fault && h('small', {}, ` by ${fault}`)),
    cell('so', meaning, ' ', h('em', {}, advice)));
  return [row, detail];
}

// ---------------------------------------------------------------- faults

function setFaults(faults) {
  state.faults = faults;
  drawAlarm();
  drawSwitches();
  drawSettings();
  drawRules();
}

const changeFaults = async (changes) => setFaults(await ask('faults', changes));

/** What else is not as FCM is, in words. */
function inEffect() {
  const {latency_ms, error_503_share, quota_per_minute, rules} = state.faults;
  return [
    latency_ms > 0 && `latency ${latency_ms} ms`,
    error_503_share > 0 && `503 for ${Math.round(error_503_share * 1000) / 10} %`,
    Number.isFinite(quota_per_minute) && `quota ${quota_per_minute} a minute`,
    rules?.length > 0 && `${rules.length} rule${rules.length > 1 ? 's' : ''} of a scenario`,
  ].filter(Boolean).join(', ');
}

function drawAlarm() {
  const {fault} = state.faults;
  const on = fault !== 'none';
  const what = state.catalogue.find((one) => one.fault === fault)?.what;
  $('alarm').hidden = !on && inEffect() === '';
  $('alarm').classList.toggle('quiet', !on);
  $('alarm-stop').hidden = !on;
  setText($('alarm-name'), on ? `Fault on: ${fault}` : 'In effect:');
  setText($('alarm-what'), [on && what, inEffect()].filter(Boolean).join('; '));
}

function drawGroups() {
  const groups = Map.groupBy(state.catalogue, ({group}) => group);
  $('faults-groups').replaceChildren(...[...groups].map(([group, faults]) => {
    const id = newId();
    return h('section', {class: 'panel', 'aria-labelledby': id},
      h('h3', {id}, group), faults.map(makeSwitch));
  }));
  drawAlarm();
  drawSwitches();
}

function makeSwitch({fault, what}) {
  const error = h('p', {class: 'error', role: 'alert'});
  const toggle = h('button', {type: 'button', role: 'switch', class: 'switch', 'data-fault': fault, click: () =>
    attempt(error, () => changeFaults({fault: state.faults.fault === fault ? 'none' : fault}))},
    h('span', {}, h('b', {}, fault), ' ', h('span', {class: 'effect'}, what)),
    h('span', {class: 'knob', 'aria-hidden': 'true'}));
  return [toggle, error];
}

function drawSwitches() {
  for (const toggle of document.querySelectorAll('[data-fault]')) {
    toggle.setAttribute('aria-checked', String(toggle.dataset.fault === state.faults.fault));
  }
}

function drawSettings() {
  const keys = Object.keys(state.faults).filter((key) => key !== 'fault' && typeof (state.faults[key] ?? 0) !== 'object');
  for (const key of keys) {
    const input = document.querySelector(`[data-setting="${key}"]`) ?? makeSetting(key);
    const value = state.faults[key];
    if (input === document.activeElement || input.getAttribute('aria-invalid') === 'true') continue;
    if (input.type === 'checkbox') input.checked = value;
    else input.value = value ?? '';
  }
}

/** A field that takes effect when it is left. */
function makeSetting(key) {
  const [label, hint] = SETTINGS[key] ?? [key, ''];
  const type = {boolean: 'checkbox', string: 'text'}[typeof state.faults[key]] ?? 'number';
  const [hintId, errorId] = [newId(), newId()];
  const error = h('p', {class: 'error', role: 'alert', id: errorId});
  const input = h('input', {type, step: 'any', 'data-setting': key, autocomplete: 'off',
    'aria-describedby': `${hintId} ${errorId}`, change: async () => {
      const done = await attempt(error, () => {
        if (input.validity.badInput) throw new Refusal({error: 'this is no number'});
        return changeFaults({[key]: valueOf(input)});
      });
      input.setAttribute('aria-invalid', String(!done));
      if (done) announce(`${label} is set`);
    }});
  const field = h('div', {class: `setting ${type}`}, h('label', {}, h('span', {}, label), ' ', input),
    h('p', {class: 'hint', id: hintId}, hint), error);
  $(SETTINGS[key] ? 'settings' : 'other-settings').append(field);
  return input;
}

function valueOf(input) {
  if (input.type === 'checkbox') return input.checked;
  if (input.type === 'text') return input.value;
  return input.value === '' ? null : Number(input.value);
}

function drawRules() {
  const rules = state.faults.rules ?? [];
  $('rules-panel').hidden = rules.length === 0;
  $('rules').replaceChildren(...rules.map((rule) => h('li', {}, ruleText(rule))));
}

/** A rule in one line: "when topic news; answer 503 UNAVAILABLE; times 3". */
function ruleText(value) {
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = Object.entries(value).map(([key, one]) => (Array.isArray(value) ? '' : `${key} `) + ruleText(one));
  return parts.join(Array.isArray(value) ? ', ' : '; ');
}

async function stopFault() {
  await inHead(() => changeFaults({fault: 'none'}), 'The fault is stopped');
  if ($('alarm-stop').hidden) document.querySelector('nav [aria-current]').focus();
}

// ---------------------------------------------------------------- head

async function drawStats() {
  const stats = await ask('stats');
  const rows = [['Requests', stats.requests], ['Accepted', stats.accepted], ['Duplicates', stats.duplicates]];
  if (stats.per_minute !== undefined) {
    const most = stats.max_per_minute === undefined ? '' : `most ${stats.max_per_minute.toLocaleString()}`;
    rows.splice(2, 0, ['Per minute', stats.per_minute, most]);
  }
  $('stats').replaceChildren(...rows.map(([name, value, hint]) => h('div', {},
    h('dt', {}, name), h('dd', {}, (value ?? 0).toLocaleString(), hint && h('small', {}, ` ${hint}`)))));
}

/** @param {{now: string, ahead_s: number}} clock as the emulator says */
function setClock({now, ahead_s}) {
  state.clock = {now: Date.parse(now), at: Date.now(), ahead_s};
  tick();
}

const deviceNow = () => new Date(state.clock.now + Date.now() - state.clock.at);

function tick() {
  const now = deviceNow();
  setText($('clock'), FULL.format(now));
  $('clock').dateTime = now.toISOString();
  const hours = Math.round(state.clock.ahead_s / 3600);
  const [days, rest] = [Math.floor(hours / 24), hours % 24];
  const ahead = [days > 0 && `${days} d`, rest > 0 && `${rest} h`].filter(Boolean).join(' ');
  setText($('ahead'), ahead && `${ahead} ahead`);
  const hour = HOURS.format(now);
  for (const place of document.querySelectorAll('.hour')) setText(place, hour);
}

async function inHead(action, said) {
  if (await attempt($('problem'), action)) announce(said);
}

const advance = (seconds, label) => inHead(async () => {
  setClock(await ask('clock', {advance_s: seconds}));
  refreshSoon();
}, `The devices’ clock: ${label}`);

const reset = () => inHead(async () => {
  await ask('reset', {});
  await startAfresh();
}, 'Counts are reset');

// ---------------------------------------------------------------- views

function showView() {
  const wanted = document.querySelector(`[data-view]${location.hash.replace(/[^#\w-]/g, '') || '#phones'}`);
  if (!wanted) return; // "Skip to the content" leaves the view as it is.
  for (const view of document.querySelectorAll('[data-view]')) view.hidden = view !== wanted;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${wanted.id}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  scrollTo(0, 0);
}

function start() {
  const wide = matchMedia('(min-width: 60rem)').matches;
  $('send-panel').open = wide;
  $('add-panel').open = wide;
  addEventListener('hashchange', showView);
  $('send').addEventListener('submit', sendMessage);
  $('send').elements.target.addEventListener('change', (event) => { state.target = event.target.value; });
  $('add').addEventListener('submit', addPhone);
  $('phones-words').addEventListener('input', drawPhones);
  $('requests-kind').addEventListener('change', drawRequests);
  $('alarm-stop').addEventListener('click', stopFault);
  $('reset').addEventListener('click', reset);
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => advance(Number(button.dataset.advance), button.textContent));
  }
  drawKinds();
  showView();
  setInterval(tick, 1000);
  setInterval(refreshSoon, 4000); // The rate and the clock move by themselves.
  follow();
}

start();
