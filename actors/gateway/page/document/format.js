// Numbers and times as people read them.

const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const compact = new Intl.NumberFormat('en', {notation: 'compact', maximumSignificantDigits: 3});

// brief writes a count in few characters: 0.4, 37, 1.24K.
function brief(n) {
  return n >= 1000 ? compact.format(n) : String(n < 10 ? Math.round(n * 10) / 10 : Math.round(n));
}

function bytes(n) {
  let unit = 0;
  for (; n >= 1000 && unit < 4; unit++) n /= 1000;
  return `${unit && n < 100 ? n.toPrecision(n < 10 ? 2 : 3) : Math.round(n)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`;
}

// span writes a time that passed, given in seconds.
function span(s) {
  if (s < 0.001) return `${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${s < 0.01 ? (s * 1e3).toFixed(1) : Math.round(s * 1e3)} ms`;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.floor(s)} s`;
  for (const [unit, size, part, of] of [['m', 60, 's', 1], ['h', 3600, 'm', 60], ['d', 86400, 'h', 3600]]) {
    if (s < size * (unit === 'm' ? 60 : 24) || unit === 'd') {
      return `${Math.floor(s / size)} ${unit} ${String(Math.floor(s % size / of)).padStart(2, '0')} ${part}`;
    }
  }
}

// age is how long before now at was, in whole seconds once it is more than one.
function age(now, at) {
  const s = Math.max(0, (now - at) / 1000);
  return s < 60 ? `${Math.floor(s)} s` : span(s);
}

// ahead is how long after now at will be.
function ahead(now, at) {
  return at <= now ? 'now' : `in ${span((at - now) / 1000)}`;
}

const clock = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});

function labelled(labels) {
  return Object.entries(labels ?? {}).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => `${k}=${v}`).join(' ');
}

