// A chart of two series over the last two minutes.

const reach = 120_000; // ms
const [wide, high] = [300, 60];

class Chart {
  #series;
  #format;
  #title;
  #picture;
  #top;

  // series are {key, name}: two keys of the rates.
  constructor(figure, title, series, format) {
    this.#title = title;
    this.#format = format;
    this.#series = series.map((s, i) => ({
      ...s,
      value: el('b', {}, '–'),
      area: svg('path', {class: `area s${i}`}),
      line: svg('path', {class: `line s${i}`}),
    }));
    this.#picture = svg('svg', {viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: 'none', role: 'img'},
      svg('path', {class: 'grid', d: `M0 ${high}H${wide}M0 ${high / 2}H${wide}M0 0H${wide}`}),
      ...this.#series.map((s) => s.area), ...this.#series.map((s) => s.line));
    this.#top = el('span', {class: 'top', 'aria-hidden': 'true'});
    figure.append(
      el('figcaption', {}, el('span', {class: 'title'}, title),
        ...this.#series.map((s, i) => el('span', {class: `key s${i}`}, s.value, ` ${s.name}`))),
      el('div', {class: 'plot'}, this.#picture, this.#top));
  }

  show(rates, now) {
    const at = rates.at ?? [];
    const top = ceiling(Math.max(1, ...this.#series.flatMap((s) => rates[s.key] ?? [])));
    for (const s of this.#series) {
      const values = rates[s.key] ?? [];
      const points = at.map((t, i) =>
        `${(wide * (1 - (now - t) / reach)).toFixed(1)} ${(high * (1 - values[i] / top)).toFixed(1)}`);
      s.line.setAttribute('d', points.length ? `M${points.join('L')}` : '');
      s.area.setAttribute('d', points.length
        ? `M${points[0].split(' ')[0]} ${high}L${points.join('L')}L${points.at(-1).split(' ')[0]} ${high}Z` : '');
      put(s.value, values.length ? this.#format(values.at(-1)) : '–');
      s.most = Math.max(0, ...values);
    }
    put(this.#top, this.#format(top));
    this.#picture.setAttribute('aria-label', `${this.#title}: ` + this.#series.map((s) =>
      `${s.name} ${s.value.textContent}, at most ${this.#format(s.most)}`).join('; '));
  }
}

// ceiling is the next of 1, 2, 5, 10, 20, 50 and so on.
function ceiling(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return power * [1, 2, 5, 10].find((step) => step * power >= n);
}

