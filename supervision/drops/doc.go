// Package drops simulates dropped connections: it proves what a program does
// when its sockets are reset, fall silent, or end in the middle of a frame.
//
// A [Fault] is injected into a [Conn]. Every end of a connection made by a
// [Network] is one: an in-memory network that runs inside a testing/synctest
// bubble, so that an hour of silence takes no time and a deadline is met
// exactly. [Wrap] and [Listen] make Conns of real sockets, on which the same
// faults behave alike.
//
//	n := drops.NewNetwork()
//	l, err := n.Listen("server:80")
//	go http.Serve(l, handler)
//	dialer := websocket.Dialer{NetDialContext: n.DialContext}
//	ws, _, err := dialer.Dial("ws://server/", nil)
//	err = drops.Silence{}.Inject(n.Conns()[0])
//
// A fault acts on the end it is injected into and, where it tells the peer
// anything, on the peer through the wire alone. A call that was already
// blocked when the fault came is subject to it too. Closing a faulted Conn
// always works and releases whoever is blocked on it.
//
// Handshakes are refused by a [Gate] in front of the server's handler.
package drops
