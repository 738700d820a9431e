// Package drops simulates dropped connections: it proves what a program does
// when its sockets are reset, fall silent, or end in the middle of a frame.
//
// A [Fault] is injected into a [Conn]. Every end of a connection made by a
// [Network] is one: an in-memory network that runs inside a testing/synctest
// bubble, so that an hour of silence takes no time and a deadline is met
// exactly. [Wrap], [Listen] and [NewDialer] make Conns of real sockets, on
// which the same faults behave alike.
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
// # What may happen
//
//   - The connection ends: [Reset], [FIN], [Torn].
//   - It goes on, badly, until [Conn.Heal] or the time of [Conn.InjectFor]:
//     [Silence], [Stall], [Slow], [Bytewise], [Pongs].
//   - The peer says what it must not, or nobody expects: [CloseCode], [Garbage],
//     [BadUTF8], [Oversized], [Unasked]. These frames leave between two of the
//     program's own.
//   - There is no connection yet. A [Gate] in front of the server's handler has
//     a [Refusal] answer handshakes: [Refuse], [HangUp], [StallHandshake],
//     [WrongAccept], [Reject]. A [Dialer] around the client's has a [DialFault]
//     fail dials: [NoSuchHost], [ConnRefused], [Unanswered].
//
// Each has a name and is read by [Parse]: "silence in", "close 1012 twice".
//
// # Scripts and simulations
//
// A [Script] is a timetable of drops. [NewScript] draws one from a seed and a
// [Mix]; it can be written out, read back, and cut down by [Shrink] to the
// shortest one that still fails. [Script.Play] does it to whatever implements
// [Stage].
//
// A [Simulation] puts a whole [Fleet] of connections through a script, in
// virtual time: days of bad network take seconds. It shows all that happens to
// invariants, as an [Observation] each; [Invariants] are this package's, and an
// [Invariant] may be one's own. What a seed does, it does again at the same instants.
//
// # Between other programs
//
// A [Proxy] stands between any two programs that speak WebSocket over real
// sockets, and knows frames, close codes and handshakes. It has an HTTP control,
// and is the command "tether drop".
//
// # That the net holds
//
// Each line breaks package actors, or what it builds on, on purpose in one
// place. The simulation of twenty seeds notices, by the invariant on the right:
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
//	a failure is retried at once                       backed off
//	Retry-After is overlooked                          backed off
//	1013 is a close like others                        backed off
//	proven health resets nothing                       backed off
//	a parked connection is not probed                  back in time
//	Retry does nothing                                 back in time
//	what expires is not counted                        counts add up
//	a closed connection is remembered for too long     nothing left
//	a timer outlives the shutdown                      nothing left
//
// CONTRIBUTING.md has the command that tries them all.
package drops
