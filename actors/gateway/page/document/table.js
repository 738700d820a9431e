// The table of connections. The server searches and sorts.

const columns = [
  {key: 'state', name: 'State'},
  {key: 'id', name: 'ID'},
  {key: 'peer', name: 'Peer'},
  {key: 'labels', name: 'Labels'},
  {key: 'since', name: 'For', number: true},
  {key: 'rtt', name: 'RTT', number: true},
  {key: 'queued', name: 'Waiting', number: true},
  {key: 'in', name: 'In', number: true},
  {key: 'out', name: 'Out', number: true},
  {key: 'note', name: 'Why it is down', unsorted: true},
];

class Table {
  #rows = new Map(); // by ID
  #heads = new Map(); // by column
  #body = $('table').tBodies[0];
  #open;

  // sort is called with a column and whether it is reversed, open with an ID.
  constructor(sort, open) {
    this.#open = open;
    for (const c of columns) {
      const head = el('th', {scope: 'col', role: 'columnheader', class: c.key + (c.number ? ' number' : '')});
      if (c.unsorted) head.append(c.name);
      else {
        head.append(el('button', {type: 'button'}, c.name));
        head.firstChild.addEventListener('click', () => sort(c.key, this.#turn(c.key)));
        this.#heads.set(c.key, head);
      }
      $('table').tHead.rows[0].append(head);
    }
    this.#heads.get('state').setAttribute('aria-sort', 'ascending');
    this.#body.addEventListener('keydown', (e) => this.#walk(e));
  }

  // turn marks the column as the one sorted by, and returns whether it was
  // already, the other way round.
  #turn(key) {
    const reverse = this.#heads.get(key).getAttribute('aria-sort') === 'ascending';
    for (const head of this.#heads.values()) head.removeAttribute('aria-sort');
    this.#heads.get(key).setAttribute('aria-sort', reverse ? 'descending' : 'ascending');
    return reverse;
  }

  show(t) {
    const seen = new Map();
    for (const r of t.rows) {
      const tr = this.#rows.get(r.id) ?? this.#row(r.id);
      fill(tr, r, t.now);
      seen.set(r.id, tr);
    }
    this.#rows = seen;
    order(this.#body, [...seen.values()]);
    this.#rove(this.#body.querySelector('button[tabindex="0"]') ?? this.#body.querySelector('button'));
    $('nothing').hidden = t.rows.length > 0;
    put($('found'), t.matched > t.rows.length
      ? `${whole.format(t.rows.length)} of ${whole.format(t.matched)}` : whole.format(t.matched));
  }

  select(id) {
    for (const [key, tr] of this.#rows) {
      if (key === id) tr.setAttribute('aria-current', 'true');
      else tr.removeAttribute('aria-current');
    }
  }

  // focus goes to the row of the ID, or to the first without one, and says
  // whether there is such a row.
  focus(id) {
    const row = id ? this.#rows.get(id) : this.#body.firstElementChild;
    const button = row?.querySelector('button');
    button?.focus();
    return Boolean(button);
  }

  #row(id) {
    const tr = el('tr', {role: 'row'});
    for (const c of columns) tr.append(el('td', {role: 'cell', class: c.key + (c.number ? ' number' : '')}));
    tr.cells[0].append(el('span', {class: 'state'}));
    tr.cells[1].append(el('button', {type: 'button', tabindex: '-1', title: id, 'aria-label': `Details of ${id}`},
      id.slice(0, 8)));
    tr.addEventListener('click', () => {
      if (String(getSelection()) === '') this.#open(id);
    });
    tr.addEventListener('focusin', (e) => this.#rove(e.target));
    return tr;
  }

  // rove has the tab key stop at one button of the table: arrows go on.
  #rove(button) {
    for (const b of this.#body.querySelectorAll('button[tabindex="0"]')) b.tabIndex = -1;
    if (button) button.tabIndex = 0;
  }

  #walk(e) {
    const row = e.target.closest('tr');
    const next = {
      ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
      Home: this.#body.firstElementChild, End: this.#body.lastElementChild,
    }[e.key];
    if (!next) return;
    e.preventDefault();
    next.querySelector('button').focus();
  }
}

function fill(tr, r, now) {
  mark(tr, 'state', r.state);
  const texts = [
    r.state, null, r.peer || '–', labelled(r.labels), age(now, r.since),
    r.rtt ? span(r.rtt) : '–', brief(r.waiting), brief(r.in), brief(r.out), note(r, now),
  ];
  texts.forEach((text, i) => {
    if (text !== null) put(i ? tr.cells[i] : tr.cells[i].firstChild, text);
  });
  tr.cells[9].title = r.why ?? '';
}

// note says when a connection is tried next, and why it is not open.
function note(r, now) {
  const when = {
    backoff: () => `attempt ${r.attempt + 1} ${ahead(now, r.next)}`,
    parked: () => `probe ${ahead(now, r.next)}`,
    detached: () => r.next ? `forgotten ${ahead(now, r.next)}` : 'may come back',
  }[r.state];
  return [when?.(), r.why].filter(Boolean).join(': ');
}

