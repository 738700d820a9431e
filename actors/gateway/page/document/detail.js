// All about one connection, and what can be done with it.

class Detail {
  #id = '';
  #api;
  #panel = $('detail');

  // shut is called when the panel is closed, api(method, path, options) calls
  // the control API and returns what it said when it failed.
  constructor(shut, api) {
    this.#api = api;
    $('detail-shut').addEventListener('click', shut);
    $('send').addEventListener('submit', (e) => {
      e.preventDefault();
      this.#send();
    });
    $('retry').addEventListener('click', () => this.#do('POST', '/retry', 'Retried.'));
    $('close').addEventListener('click', () => this.#close());
    $('close').addEventListener('blur', () => this.#arm(false));
  }

  open(id) {
    this.#id = id;
    this.#arm(false);
    this.#clear();
    this.#panel.hidden = false;
    document.body.classList.add('detailed');
    $('detail-title').focus();
  }

  shut() {
    this.#id = '';
    this.#panel.hidden = true;
    document.body.classList.remove('detailed');
  }

  #clear() {
    put($('detail-id'), this.#id);
    put($('detail-state'), '');
    put($('detail-why'), '');
    put($('said'), '');
    $('facts').replaceChildren();
    $('history').replaceChildren();
  }

  show(d) {
    if (d.id !== this.#id) return;
    mark(this.#panel, 'state', d.error ? 'none' : d.state);
    put($('detail-state'), d.error ? 'gone' : d.state);
    put($('detail-why'), standing(d));
    const over = Boolean(d.error) || d.state === 'closed';
    for (const e of $('send').elements) e.disabled = over;
    $('retry').disabled = !['backoff', 'parked'].includes(d.state);
    if (d.error) return; // what was known last stays
    facts($('facts'), d);
    moves($('history'), d);
  }

  async #send() {
    const text = $('text').value;
    const sent = await this.#do('POST', '', 'Admitted.', {body: text, headers: {'Content-Type': 'text/plain; charset=utf-8'}});
    if (sent && $('text').value === text) $('text').value = '';
  }

  // close asks once more: a closed connection does not come back.
  #close() {
    if ($('close').dataset.armed !== 'yes') {
      this.#arm(true);
      return;
    }
    this.#arm(false);
    this.#do('DELETE', '?code=1000', 'Closed.');
  }

  #arm(armed) {
    mark($('close'), 'armed', armed ? 'yes' : 'no');
    put($('close'), armed ? 'Close for good?' : 'Close connection');
  }

  async #do(method, path, done, options) {
    const id = this.#id;
    put($('said'), '…');
    const failure = await this.#api(method, `v1/connections/${id}${path}`, options);
    if (id === this.#id) put($('said'), failure || done);
    return !failure;
  }
}

// standing says in a sentence how the connection is.
function standing(d) {
  if (d.error) return `Nothing is known of it any more: ${d.error}.`;
  if (d.state === 'closed') return d.end || 'closed';
  const since = `For ${age(d.now, d.since)}.`;
  if (d.state === 'connecting' && d.why) return `${since} Last failure: ${d.why}`;
  const why = note(d, d.now);
  return why ? `${since} ${why[0].toUpperCase()}${why.slice(1)}` : since;
}

function facts(list, d) {
  const rows = [
    [d.dialed ? 'Dialed' : 'Accepted from', d.peer || '–'],
    ['Labels', labelled(d.labels) || '–'],
    ['Groups', (d.groups ?? []).join(', ') || '–'],
    ['Round trip', d.rtt ? span(d.rtt) : '–'],
    ['Incarnation', whole.format(d.incarnation)],
    ['Failures in a row', whole.format(d.attempt)],
    ['In its queue', `${whole.format(d.queued)} (${bytes(d.queued_bytes)})`],
    ['Unconfirmed', whole.format(d.unconfirmed)],
    ['Received', whole.format(d.in)],
    ['Admitted', whole.format(d.admitted)],
    ...Object.entries(d.outcomes).sort().filter(([, n]) => n > 0).map(([outcome, n]) => [`… ${outcome}`, whole.format(n)]),
  ];
  const old = new Map([...list.children].map((e) => [e.firstChild.textContent, e]));
  order(list, rows.map(([name, value]) => {
    const row = old.get(name) ?? el('div', {}, el('dt', {}, name), el('dd'));
    put(row.lastChild, value);
    return row;
  }));
}

function moves(list, d) {
  const key = d.history.map((m) => `${m.at}${m.to}`).join();
  if (list.dataset.shown === key && list.children.length) return;
  list.dataset.shown = key;
  list.replaceChildren(...d.history.map((m) => el('li', {'data-state': m.to},
    el('time', {datetime: new Date(m.at).toISOString()}, clock.format(m.at)),
    el('span', {class: 'state'}, m.to),
    el('span', {class: 'cause'}, m.cause ?? ''))));
}

