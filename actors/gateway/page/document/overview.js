// What concerns all connections: states, charts, percentiles, handshakes.

const states = ['open', 'connecting', 'backoff', 'parked', 'detached', 'closing'];

class Overview {
  #chips = new Map();
  #segments = new Map();
  #charts = [
    new Chart($('chart-drops'), 'Openings /s',
      [{key: 'opened', name: 'opened'}, {key: 'dropped', name: 'dropped'}], brief),
    new Chart($('chart-messages'), 'Messages /s',
      [{key: 'received', name: 'in'}, {key: 'written', name: 'out'}], brief),
    new Chart($('chart-bytes'), 'Payload /s',
      [{key: 'received_bytes', name: 'in'}, {key: 'written_bytes', name: 'out'}], bytes),
  ];

  // choose is called with the state that is to be shown alone, or ''.
  constructor(choose) {
    for (const state of ['', ...states]) {
      const number = el('b', {}, '–');
      const chip = el('button', {type: 'button', 'aria-pressed': String(!state), 'data-state': state},
        number, ` ${state || 'connections'}`);
      chip.addEventListener('click', () => {
        const chosen = chip.getAttribute('aria-pressed') === 'true' ? '' : state;
        for (const [s, c] of this.#chips) c.chip.setAttribute('aria-pressed', String(s === chosen));
        choose(chosen);
      });
      this.#chips.set(state, {chip, number});
      $('chips').append(chip);
    }
    for (const state of states) {
      const segment = el('i', {'data-state': state});
      this.#segments.set(state, segment);
      $('bar').append(segment);
    }
  }

  show(o) {
    const total = states.reduce((sum, s) => sum + (o.states[s] ?? 0), 0);
    put(this.#chips.get('').number, whole.format(total));
    for (const state of states) {
      const n = o.states[state] ?? 0;
      const {chip, number} = this.#chips.get(state);
      put(number, whole.format(n));
      mark(chip, 'none', String(n === 0));
      const segment = this.#segments.get(state);
      mark(segment, 'none', String(n === 0));
      segment.style.flexGrow = n;
    }
    for (const chart of this.#charts) chart.show(o.rates, o.now);
    times($('outages'), o.outages);
    times($('rtt'), o.rtt);
    handshakes(o.accepted, o.refused ?? {});
    $('problem').hidden = !o.error;
    put($('problem'), o.error ? `The counts are old: ${o.error}` : '');
  }
}

function times(tr, p) {
  [p?.p50, p?.p90, p?.p99].forEach((s, i) => put(tr.cells[i + 1], s === undefined ? '–' : span(s)));
}

function handshakes(accepted, refused) {
  const reasons = Object.entries(refused).sort(([, a], [, b]) => b - a);
  const sum = reasons.reduce((n, [, count]) => n + count, 0);
  put($('handshakes'), `${brief(accepted)} accepted, ${brief(sum)} refused`);
  $('handshakes').title = reasons.map(([reason, n]) => `${reason} ${whole.format(n)}`).join(', ');
}

