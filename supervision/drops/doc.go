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
// What comes before the first frame fails too. A [Gate] in front of the
// server's handler has a [Refusal] answer handshakes: [Refuse], [HangUp],
// [StallHandshake], [WrongAccept], [Reject]. A [Dialer] around the client's has
// a [DialFault] fail dials: [NoSuchHost], [ConnRefused], [Unanswered]; it also
// makes Conns of the dialing ends of real sockets.
//
// # The net holds
//
//	a socket that is given up stays open               one socket
//	what was unconfirmed goes behind what is newer     in order
//	a confirmation is told to nobody                   one outcome
//	a pong confirms one message too many               one outcome
//	what was unconfirmed is forgotten with its socket  one outcome
//	a move is told to begin elsewhere                  legal moves
//	an attempt outlives its connection                 closed is final
//	an answer may take twice the time                  silence found
//	a pong is no sign of life                          no false alarm
//	attempts are not spaced                            governor held
//	attempts under way are not counted                 governor held
//	an opening resets the backoff                      backoff kept
//	a parked connection is not probed                  back in time
//	Retry does nothing                                 back in time
//	what expires is not counted                        counts add up
//	a closed connection is remembered for too long     nothing left
//	a timer outlives the shutdown                      nothing left
package drops
