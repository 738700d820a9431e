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
//	            │               │ ▲ ▲
//	            │               │ │ └─ the client comes back ─ Detached
//	            │               │ └─ Accept
//	            ▼               ▼
//	          Closed ◄────── Closing
//
// A drop is a failure of the connection's actor: it tells its supervisor, and
// waits, suspended, for its restart. What outlives that is in the connection's
// record: so Send, Close, Retry and Info answer at once in every state. Each
// attempt is an incarnation with a number of its own, and what belongs to an
// earlier one is discarded: two live sockets never serve one ID. An accepted
// connection that drops is Closed, unless its client may come back: then it is
// Detached for a while, and Closed only if the client does not. Closed is final.
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
// # tether.v1
//
// A client that offers the subprotocol tether.v1, to a server that sets
// Client.Resume, may lose its socket and come back under its ID, in the same
// groups, to the messages that it has missed; with Target.Resume a Manager is
// such a client. Nothing is wrapped around the messages: both sides count.
//
// Offer. The client offers "tether.v1", and when it comes back a second entry
// in the same Sec-WebSocket-Protocol header, "tether.v1.return.TOKEN.N". The
// server agrees to "tether.v1" alone. (Browsers can set no other header, and a
// URL would be logged.)
//
//	new WebSocket(url, ["tether.v1", `tether.v1.return.${token}.${n}`])
//
// Welcome. The server's first frame is a text message of JSON:
//
//	{"tether":"v1","id":"...","token":"...","resumed":true,"next":7,"received":3}
//
// A client ignores members that it does not know. Of these
//
//   - id is the connection's, for its whole life.
//   - token is what to return with: 1 to 1024 letters, digits, "-" and "_", a
//     secret. Each welcome has a new one.
//   - resumed says that the connection is the one that the client has returned
//     to. Otherwise it is a new one, and all counts start anew: the token was
//     unknown, expired or of somebody else, or there was none.
//   - next is the number of the data message that follows. The ones behind it
//     have next+1, next+2, ... The welcome itself has no number, nor have
//     control frames.
//   - received is how many data messages of the client's the server has taken
//     over the connection's whole life.
//
// Return. The client returns with the token of the last welcome that it has
// read, and N, the number of the last message that it has handled: next-1 if
// there was none since. Before, it must have stopped handling the old socket.
// The server takes all up to N for confirmed and writes the others again, from
// next = N+1. If next is higher than that, pongs had confirmed messages that
// the client then did not handle; they are lost, and the client can tell. So it
// handles each message exactly once if it notes N with it, and handles all that
// its socket has received before it goes.
//
// In the other direction the client keeps what it has sent, and after a return
// sends again what received does not count. A pong to a ping of its own says
// that the server has taken all before it.
//
// Tokens. The one before the newest stays valid until the server knows that the
// client has the newest: by the pong to the ping that it writes behind each
// welcome, or by its use. So a client that lost a socket before its welcome
// returns just as it did the last time. The server keeps hashes only.
//
// End. Close 1000 by the client ends the connection, as does a close by either
// side with 1002, 1003 or 1007 to 1011, and any close that the server's program
// asks for. After every other end of the socket the client may return until the
// server's window is over, 30 s as a rule. Where a socket returns while another
// is open, the older one is closed with 4500: its client must not return by
// itself, or the two would take the connection from each other for ever.
//
// A malformed return, one without a decimal N below 2^64 or a second one, is
// answered with status 400. An N that is too high counts as what was written.
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
// Nothing is kept on disk: a message, and what a client returns to, lives as
// long as its process. Framing is RFC 6455 and
// permessage-deflate (RFC 7692) without context takeover; handshakes are made
// by gorilla/websocket, over HTTP/1.1.
package actors
