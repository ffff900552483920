// Live updates for the virtual handset. The server draws the page; this script only asks for it again when something
// happened, swaps the parts that changed, and counts the seconds in between. Without it, everything still works.

const openedAt = performance.now();
let clockStart = { serverMs: Number(document.getElementById('clock').dataset.now), at: openedAt };
let drawnAt = openedAt;
let isBusy = false;
let isStale = false;
let isTouched = false;

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id);
    if (!next || isKept(part, next) || part.outerHTML === next.outerHTML) continue;
    const isFocused = part.contains(document.activeElement);
    const focusedName = isFocused ? document.activeElement.value : null;
    for (const fold of part.querySelectorAll('details[open]'))
      next.querySelector(`#${fold.id}`)?.setAttribute('open', '');
    part.replaceWith(document.adoptNode(next));
    if (isFocused) next.querySelector(`[value="${CSS.escape(focusedName ?? '')}"], h2, button`)?.focus();
  }
  const clock = fresh.getElementById('clock');
  if (clock) clockStart = { serverMs: Number(clock.dataset.now), at: performance.now() };
  drawnAt = performance.now();
}

// A PIN being typed and a dial being chosen are not pulled from under the hand.
function isKept(part, next) {
  if (part.id === 'phone') return part.dataset.key === next.dataset.key;
  return part.id === 'faults' && isTouched;
}

async function refresh() {
  if (isBusy) {
    isStale = true;
    return;
  }
  isBusy = true;
  isStale = false;
  try {
    const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (response.ok) swap(await response.text());
  } catch {
    // The next change, or the reconnection, tries again.
  }
  isBusy = false;
  if (isStale) void refresh();
}

document.addEventListener('change', (event) => {
  if (event.target.closest('#faults')) isTouched = true;
});

document.addEventListener('submit', async (event) => {
  const form = event.target;
  // A download is the browser's own affair.
  if (form.method === 'get') return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const response = await fetch(form.action, { method: 'POST', body });
    const html = await response.text();
    if (!response.ok) throw new Error(html);
    isTouched = false;
    history.replaceState(null, '', response.url);
    swap(html);
  } catch {
    location.reload();
  }
});

function tick() {
  const now = performance.now();
  const time = document.getElementById('clock');
  const serverNow = new Date(clockStart.serverMs + now - clockStart.at);
  time.textContent = serverNow.toLocaleTimeString('en-GB', { timeZone: 'Africa/Nairobi', hour12: false });
  time.dateTime = serverNow.toISOString();
  time.title = `${serverNow.toISOString().slice(11, 19)} UTC`;
  for (const left of document.querySelectorAll('[data-left]')) {
    left.textContent = String(Math.max(0, Number(left.dataset.left) - Math.floor((now - drawnAt) / 1000)));
  }
}

setInterval(tick, 1000);
const events = new EventSource('/handset/events');
events.addEventListener('message', () => void refresh());
events.addEventListener('open', () => void refresh());
