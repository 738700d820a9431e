// The socket to the server. There is one at a time: a new one is made only
// when the last was given up, and one that is given up is not listened to.

const silence = 5000; // ms without a word from the server: the socket is dead
const health = 10_000; // ms that a socket must live to reset the backoff
const slowest = 10_000; // ms between attempts, at most

class Live {
  #url;
  #events;
  #socket = null;
  #token = sessionStorage.getItem('token') ?? '';
  #question = ''; // what is asked of the server
  #failures = 0;
  #began = 0;
  #heard = 0;
  #timer = 0; // of the next attempt
  #probing = false;

  // events are told(frame), link(state) and login(denied).
  constructor(path, events) {
    this.#url = new URL(path, document.baseURI);
    this.#events = events;
    setInterval(() => this.#listen(), 1000);
    addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => document.hidden || this.#hurry());
    this.#connect();
  }

  // ask tells the server what to send from now on, over this socket and all
  // later ones.
  ask(question) {
    this.#question = JSON.stringify(question);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(this.#question);
  }

  // authorization is what goes into the headers of requests to the server.
  get authorization() {
    return this.#token ? {Authorization: `Bearer ${this.#token}`} : {};
  }

  login(token) {
    this.#token = token;
    sessionStorage.setItem('token', token);
    this.#hurry();
  }

  #connect() {
    this.#timer = 0;
    this.#began = this.#heard = performance.now();
    const url = new URL(this.#url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, ['tether.page.v1', ...bearer(this.#token)]);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (this.#question) socket.send(this.#question);
    };
    socket.onmessage = ({data}) => {
      this.#heard = performance.now();
      this.#events.link('live');
      const frame = JSON.parse(data);
      if (!frame.heart) this.#events.told(frame);
    };
    socket.onclose = () => this.#fail(opened);
    this.#socket = socket;
  }

  // listen gives up a socket that has fallen silent, or never came to be.
  #listen() {
    if (this.#socket && performance.now() - this.#heard > silence) this.#fail(true);
  }

  // fail gives the socket up. One that did not open may have been refused, and
  // a browser does not say why: an ordinary request does.
  async #fail(opened) {
    const socket = this.#socket;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    if (performance.now() - this.#began > health) this.#failures = 0;
    this.#events.link('reconnecting');
    if (!opened && await this.#denied()) {
      this.#events.link('locked');
      this.#events.login(this.#token !== '');
      return;
    }
    const most = Math.min(slowest, 500 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#connect(), 250 + Math.random() * most);
  }

  async #denied() {
    this.#probing = true;
    try {
      const options = {headers: this.authorization, signal: AbortSignal.timeout(silence), cache: 'no-store'};
      return (await fetch(this.#url, options)).status === 401;
    } catch {
      return false; // nobody answers
    } finally {
      this.#probing = false;
    }
  }

  // hurry ends a wait.
  #hurry() {
    if (this.#socket || this.#probing) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}

// bearer is the token as a subprotocol: those take no other characters.
function bearer(token) {
  if (!token) return [];
  const text = String.fromCharCode(...new TextEncoder().encode(token));
  return [`bearer.${btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`];
}

