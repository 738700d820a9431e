// Package actors holds many WebSocket connections, dialed and accepted, and
// keeps them alive. Each connection is a protoactor-go actor; a supervisor
// restarts the ones that drop; a registry routes messages by connection ID.
//
//	m, err := actors.New(actors.Config{})
//	id, err := m.Dial(ctx, actors.Target{URL: "wss://feed.example/quotes"})
//	err = m.Send(id, messages.Text("hello")) // its socket may be up or down
//	err = m.Shutdown(ctx)
//
// A [Manager] is also an http.Handler that accepts connections.
//
// # States
//
// A connection is in one of the states of [messages.State]:
//
//	            ┌──────────── Retry, or the wait is over ───────────┐
//	            ▼                                                   │
//	Dial ─► Connecting ──────► Open ──── drop ────► Backoff, Parked ┘
//	            │               │ ▲
//	            │               │ └─ Accept
//	            ▼               ▼
//	          Closed ◄────── Closing
//
// A drop is a failure of the connection's actor: it tells its supervisor, and
// waits, suspended, for its restart. What outlives that is in the connection's
// record: so Send, Close, Retry and Info answer at once in every state. Each
// attempt is an incarnation with a number of its own, and what belongs to an
// earlier one is discarded: two live sockets never serve one ID. An accepted
// connection that drops is Closed. Closed is final.
//
// # Order and delivery
//
// What one sender sends to one connection is written first in, first out. At
// each opening come first the Hello messages, then what was written before and
// not confirmed, then what waits. Heartbeats and answers to heartbeats go
// ahead of data.
//
// Each message that Send admitted has one [messages.Outcome], and Info's
// counts add up.
//
//   - [messages.AtMostOnce] counts as written once a byte of it may have left.
//     If the socket dies then, it may be lost. What was not begun stays queued.
//   - [messages.AtLeastOnce] is kept until it is confirmed: until the answer
//     to a ping that was written behind it. It may arrive more than once.
//
// Confirmed means that the peer's WebSocket implementation has taken every byte
// before the ping. It does not mean that the peer's program has seen the
// message: some answer pings before they deliver what came earlier, by as much
// as 128 KiB in a browser. Where that matters, have your program acknowledge.
// It works against any peer that follows RFC 6455; with one that never answers
// pings, a connection with AtLeastOnce messages fails again and again with
// [messages.ErrUnconfirmed], and parks after the third time.
//
// A message that the peer drops the connection over (by a close with 1003,
// 1007, 1008 or 1009, or three times in a row) is looked for by writing the
// unconfirmed ones singly, and given up with [messages.OutcomeRefused].
//
// # Restarts
//
// Package supervision decides: see its Policy for the table. The backoff is
// reset by a frame that arrives 10 s or more after the opening, and never by
// the opening itself. The governor bounds the dials of all connections
// together, so that thousands that fall at once do not come back as a stampede.
//
// # What is bounded
//
// The outbox of each connection (256 messages, 1 MiB), what its handler may lag
// behind (64 messages, 1 MiB; then its socket is not read, and its peer waits),
// the size of an inbound message, each handshake, each write and each call of a
// handler. A peer that is slow or stuck costs no other connection anything.
//
// # Drills
//
// With Config.Drills a program in production can be shown what it is prepared
// for: [Manager.Drill] puts a fault of package supervision/drops on some of its
// live connections, for a time. They then drop and come back as they would by
// themselves, and events, logs and counts say so.
//
//	struck, err := m.Drill(actors.Drill{Fault: drops.Silence{}, For: time.Minute, Share: 0.1})
//	m.EndDrills() // at once
//
// # What it is not
//
// Nothing is kept on disk: a message lives as long as its process. An accepted
// client that returns is a new connection. Framing is RFC 6455 and
// permessage-deflate (RFC 7692) without context takeover; handshakes are made
// by gorilla/websocket, over HTTP/1.1.
package actors
