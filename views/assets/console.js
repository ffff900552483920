// What JavaScript adds to the console; every page works without it. The scope changes as soon as it is chosen, the status
// strip and Home are kept up to date, keys move through lists, and charts say what is under the pointer. Nothing here
// knows how anything looks: what is shown comes rendered from the server.

const scopeForm = document.querySelector('form.scope');
scopeForm?.addEventListener('change', () => scopeForm.requestSubmit());

const isHome = location.pathname === '/console';
const stripPlace = document.getElementById('strip');

/** The first element of a piece of HTML that our own server rendered. */
function parse(html) {
  return new DOMParser().parseFromString(html, 'text/html').body.firstElementChild;
}

// ── live ──

let source = null;
let heardAt = Date.now();
const staleMs = 40_000;

function listen() {
  if (source !== null || document.hidden || stripPlace === null || !('EventSource' in window)) return;
  const query = new URLSearchParams(location.search);
  const asked = new URLSearchParams({ mode: query.get('mode') === 'test' ? 'test' : 'live' });
  if (query.get('tenant')) asked.set('tenant', query.get('tenant'));
  if (isHome) asked.set('of', 'home');
  source = new EventSource(`/console/live?${asked}`);
  source.addEventListener('strip', ({ data }) => showStrip(parse(data)));
  source.addEventListener('changed', () => void refreshHome());
  source.addEventListener('ended', () => {
    stopListening();
    // Leads to the sign-in, and back here. A page with a form is left alone: what was typed would be lost.
    if (isHome) location.reload();
  });
  source.addEventListener('error', () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    stopListening();
    setTimeout(listen, 60_000);
  });
}

function stopListening() {
  source?.close();
  source = null;
}

/** The same condition with other numbers changes quietly; another one is read out. */
function showStrip(next) {
  const now = stripPlace.querySelector('.strip');
  heardAt = Date.now();
  if (next === null) return;
  if (now === null || now.dataset.about !== next.dataset.about || now.className !== next.className) {
    stripPlace.replaceChildren(next);
    return;
  }
  const [from, to] = [next.querySelector('.strip-text'), now.querySelector('.strip-text')];
  const title = to.querySelector('strong');
  if (title.textContent !== from.querySelector('strong').textContent) title.replaceWith(from.querySelector('strong'));
  const changed = [...from.children].filter((child) => child.tagName !== 'STRONG');
  for (const child of [...to.children]) if (child.tagName !== 'STRONG') child.remove();
  to.append(...changed);
  now.querySelector('.strip-clock').replaceWith(next.querySelector('.strip-clock'));
}

/** An old "All clear" must not look like a new one. */
function showStale() {
  const strip = stripPlace?.querySelector('.strip');
  if (document.hidden || !strip || Date.now() - heardAt < staleMs || strip.dataset.about === 'stale') return;
  const since = strip.querySelector('.strip-clock time')?.textContent ?? '';
  strip.className = 'strip strip-warn';
  strip.dataset.about = 'stale';
  strip.querySelector('strong span').textContent =
    `This page has lost its connection to Lango. What it says is from ${since}.`;
  for (const fact of strip.querySelectorAll('.strip-text > span, .strip-text > a')) fact.remove();
}

if (stripPlace !== null) {
  listen();
  setInterval(showStale, 5000);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stopListening();
    else {
      heardAt = Date.now();
      listen();
      void refreshHome();
    }
  });
}

// ── Home ──

let isRefreshing = false;

async function refreshHome() {
  if (!isHome || isRefreshing || document.hidden) return;
  isRefreshing = true;
  try {
    // Whoever has gone home is not kept signed in by a page that loads itself: the header says that nobody asked.
    const headers = { Accept: 'text/html', 'Lango-Background': 'refresh' };
    const answer = await fetch(location.href, { headers, redirect: 'error' });
    if (answer.ok) showHome(new DOMParser().parseFromString(await answer.text(), 'text/html'));
  } catch {
    // The stream says what is wrong, or the next change tries again.
  } finally {
    isRefreshing = false;
  }
}

const namesIn = (root) => [...root.querySelectorAll('[data-live]')].map((part) => part.dataset.live).join(' ');

function showHome(next) {
  const main = document.getElementById('main');
  const nextMain = next.getElementById('main');
  if (main === null || nextMain === null) return;
  const open = new Set([...main.querySelectorAll('details[open]')].map(({ id }) => id));
  for (const details of nextMain.querySelectorAll('details')) details.open = open.has(details.id);
  // An incident begins or ends: the parts are others, or in another order.
  if (namesIn(main) !== namesIn(nextMain)) main.replaceChildren(...nextMain.childNodes);
  else
    for (const part of main.querySelectorAll('[data-live]')) {
      const other = nextMain.querySelector(`[data-live="${part.dataset.live}"]`);
      // What somebody is reading with the keyboard is not taken from under them.
      if (part.contains(document.activeElement) || part.innerHTML === other.innerHTML) continue;
      part.replaceWith(other);
    }
  const count = (root) => root.querySelector('a[href^="/console/attention"]');
  const [old, fresh] = [count(document.getElementById('rail')), count(next.getElementById('rail'))];
  if (old !== null && fresh !== null && old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
}

// ── keys ──

const search = () => document.querySelector('main [role="search"] input:not([type="hidden"])');
if (location.hash === '#search') search()?.focus();

/** What `j` and `k` move through: the rows of the page's lists. */
const stops = () => [...document.querySelectorAll('main .rows-link .row-link, main .table th > a, main .list > li a')];

function move(by) {
  const all = stops();
  const at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

function find() {
  const box = search();
  if (box !== null) box.focus();
  else location.href = `/console/payments${location.search}#search`;
}

const keyHelp = [
  ['/', 'Search payments'],
  ['j  k', 'Next and previous row'],
  ['Enter', 'Open the row'],
  ['?', 'This help'],
];

function help() {
  const known = document.querySelector('dialog.dialog-keys');
  if (known !== null) return void known.showModal();
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const title = make('h2', '', 'Keys');
  title.id = 'keys-title';
  const close = make('button', 'btn-quiet', 'Close');
  const form = make('form', '', close);
  form.method = 'dialog';
  const rows = keyHelp.map(([keys, words]) => {
    const names = keys.split(/\s+/).flatMap((key) => [make('kbd', '', key), ' ']);
    return make('div', '', make('dt', '', ...names), make('dd', '', words));
  });
  const dialog = make(
    'dialog',
    'dialog dialog-keys',
    make('div', 'dialog-head', title, form),
    make('dl', 'keys', ...rows),
  );
  dialog.setAttribute('aria-labelledby', title.id);
  document.body.append(dialog);
  dialog.showModal();
}

const acts = { j: () => move(1), k: () => move(-1), '/': find, '?': help };

addEventListener('keydown', (event) => {
  const act = Object.hasOwn(acts, event.key) ? acts[event.key] : undefined;
  const isTyping =
    event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]');
  if (act === undefined || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector('dialog[open]') !== null) return;
  event.preventDefault();
  act();
});

// ── copying ──

/** Where the browser does not let us, what is to be copied is marked, so that the keys for it are enough. */
async function copy(button) {
  const place = document.getElementById(button.dataset.copy);
  const words = button.querySelector('span');
  try {
    await navigator.clipboard.writeText(place.textContent);
    words.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(place);
    words.textContent = 'Press Ctrl+C';
  }
}

addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[data-copy]') : null;
  if (button !== null) void copy(button);
});

// ── charts ──

let tip = null;

function hideTip() {
  tip?.remove();
  tip = null;
}

/** Titles become data: the browser's own slow tips would say the same again. */
function quieten(plot) {
  const title = plot.querySelector(':scope > title');
  if (title === null) return;
  plot.setAttribute('aria-label', title.textContent);
  plot.removeAttribute('aria-labelledby');
  title.remove();
  for (const words of plot.querySelectorAll(':scope > g > title')) {
    words.parentElement.dataset.words = words.textContent;
    words.remove();
  }
}

/** Says what is in the column under the pointer; a finger that taps is a pointer too. */
function showTip(event) {
  const plot = event.target instanceof Element ? event.target.closest('svg.plot[data-columns]') : null;
  if (plot === null) return hideTip();
  quieten(plot);
  const box = plot.getBoundingClientRect();
  const columns = Number(plot.dataset.columns);
  const index = Math.floor(((event.clientX - box.left) / box.width) * columns);
  const column = plot.querySelectorAll(':scope > g')[index];
  if (column === undefined) return hideTip();
  if (tip === null || tip.parentElement !== plot.parentElement) {
    hideTip();
    tip = document.createElement('div');
    tip.className = 'tip';
    tip.setAttribute('aria-hidden', 'true');
    plot.parentElement.append(tip);
  }
  tip.textContent = column.dataset.words;
  const isRight = index > columns / 2;
  const around = plot.parentElement.getBoundingClientRect();
  const middle = box.left - around.left + ((index + 0.5) / columns) * box.width;
  tip.style.left = isRight ? 'auto' : `${middle + 12}px`;
  tip.style.right = isRight ? `${around.width - middle + 12}px` : 'auto';
  tip.style.top = `${Math.max(0, event.clientY - box.top - 12)}px`;
}

addEventListener('pointermove', showTip, { passive: true });
addEventListener('pointerdown', showTip, { passive: true });
addEventListener('scroll', hideTip, { passive: true });
