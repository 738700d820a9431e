// One tab of the browser client that Tether grew from, as it is written, with
// its faults: an error and the close that follows it both reconnect, so that
// the sockets of a tab double at each period of an outage, and all components
// share one heartbeat. Its minute is PERIOD here, in milliseconds. It tells
// what it meets until standard input ends.
//
//   node seed.js ws://127.0.0.1:8080/ 200
'use strict';

const WebSocket = require('ws');

const [url, period] = [process.argv[2], Number(process.argv[3])];
const sockets = [];
let ended = false;

const heartCheck = {
  timeout: period,
  timer: null,
  serverTimer: null,
  reset() {
    clearTimeout(this.timer);
    clearTimeout(this.serverTimer);
  },
  start(ws) {
    this.reset();
    this.timer = setTimeout(() => {
      if (ws.readyState !== WebSocket.OPEN) return; // a browser drops it; ws would throw
      console.log('heart');
      ws.send(JSON.stringify({ heart: 1 }));
      this.serverTimer = setTimeout(() => {
        console.log('silence');
        ws.close();
      }, this.timeout);
    }, this.timeout);
  },
};

function reconnect() {
  if (!ended) setTimeout(initWebSocket, period);
}

function initWebSocket() {
  if (ended) return;
  const socket = new WebSocket(url, { origin: 'http://page.example' });
  sockets.push(socket);
  socket.onopen = () => {
    console.log('open');
    heartCheck.start(socket);
    socket.send(JSON.stringify({ id: 'a1b2c3' }));
  };
  socket.onerror = reconnect;
  socket.onmessage = (e) => {
    const data = JSON.parse(e.data);
    console.log('got', 'heart' in data ? 'heart' : 'data');
    heartCheck.start(socket);
  };
  socket.onclose = (e) => {
    console.log('close', e.code);
    reconnect();
  };
}

initWebSocket();

process.stdin.resume().on('end', () => {
  ended = true;
  heartCheck.reset();
  for (const socket of sockets) socket.terminate();
});
