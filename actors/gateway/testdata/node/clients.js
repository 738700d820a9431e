// Opens COUNT clients of each kind to a gateway that echoes, and holds them
// until standard input ends. Each tells of the first echo on each socket it
// gets: "KIND INDEX".
//
//   node clients.js ws://127.0.0.1:8080/ 200
'use strict';

const WebSocket = require('ws');
const Reconnecting = require('reconnecting-websocket');
const Party = require('partysocket/ws').default;

const [url, count] = process.argv.slice(2);
const quick = { WebSocket, minReconnectionDelay: 50, maxReconnectionDelay: 500, connectionTimeout: 4000 };
let ended = false;

// ws does not reconnect by itself, so its users do.
function plain(url) {
  const client = new EventTarget();
  let socket;
  const connect = () => {
    socket = new WebSocket(url);
    socket.onopen = () => client.dispatchEvent(new Event('open'));
    socket.onmessage = ({ data }) => client.dispatchEvent(Object.assign(new Event('message'), { data }));
    socket.onerror = () => {}; // a close follows
    socket.onclose = () => ended || setTimeout(connect, 50 + 450 * Math.random());
  };
  connect();
  client.send = (data) => socket.send(data);
  client.close = () => socket.close();
  return client;
}

const kinds = {
  'ws': () => plain(url),
  'reconnecting-websocket': () => new Reconnecting(url, [], quick),
  'partysocket': () => new Party(url, [], quick),
};

const all = [];
for (const [kind, open] of Object.entries(kinds)) {
  for (let i = 0; i < Number(count); i++) {
    const client = open();
    const name = `${kind} ${i}`;
    client.addEventListener('open', () => client.send(name));
    client.addEventListener('message', ({ data }) => console.log(data === name ? name : `${name} heard ${data}`));
    client.addEventListener('error', () => {}); // it reconnects
    all.push(client);
  }
}

process.stdin.resume().on('end', () => {
  ended = true;
  for (const client of all) client.close();
});
