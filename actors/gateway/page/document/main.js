// What the server is asked, and who is shown its answers.

const question = {search: '', state: '', sort: 'state', reverse: false, selected: ''};

function ask(change) {
  Object.assign(question, change);
  live.ask(question);
}

function open(id) {
  ask({selected: id});
  history.replaceState(null, '', `#${id}`);
  detail.open(id);
  table.select(id);
}

function shut() {
  const id = question.selected;
  if (!id) return;
  ask({selected: ''});
  history.replaceState(null, '', location.pathname);
  detail.shut();
  table.select('');
  if (!table.focus(id)) $('search').focus();
}

async function api(method, path, options = {}) {
  try {
    const response = await fetch(new URL(path, document.baseURI),
      {method, ...options, headers: {...options.headers, ...live.authorization}});
    if (response.ok) return '';
    const problem = await response.json().catch(() => ({}));
    return `${problem.detail ?? problem.title ?? response.statusText} (${response.status})`;
  } catch {
    return 'The gateway did not answer.';
  }
}

const overview = new Overview((state) => ask({state}));
const table = new Table((sort, reverse) => ask({sort, reverse}), open);
const detail = new Detail(shut, api);
const live = new Live('live', {
  told(frame) {
    if (frame.overview) overview.show(frame.overview);
    if (frame.table) table.show(frame.table);
    if (frame.detail) detail.show(frame.detail);
    table.select(question.selected);
  },
  link(state) {
    mark(document.body, 'link', state);
    put($('link'), {live: 'live', reconnecting: 'reconnecting', locked: 'locked'}[state]);
  },
  login(denied) {
    put($('denied'), denied ? 'That token is not the one.' : '');
    if (!$('login').open) $('login').showModal();
  },
});

put($('where'), location.host);

$('login').addEventListener('submit', () => live.login($('token').value));
$('login').addEventListener('cancel', (e) => e.preventDefault());

$('search').addEventListener('keydown', (e) => {
  if (e.key === 'ArrowDown' && table.focus()) e.preventDefault();
});

let typing = 0;
$('find').addEventListener('submit', (e) => e.preventDefault());
$('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask({search: $('search').value}), 120);
});

document.addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && !e.target.closest('#search, dialog')) shut();
  if (e.key === '/' && !e.ctrlKey && !e.metaKey && !e.altKey && !e.target.closest('input, dialog')) {
    e.preventDefault();
    $('search').focus();
    $('search').select();
  }
});

ask({});
const linked = location.hash.slice(1).toLowerCase();
if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(linked)) open(linked);
