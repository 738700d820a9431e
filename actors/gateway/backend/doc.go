// Package backend hands what connections say to programs: to an HTTP service,
// by [HTTP], or to none, by [Echo] and [Discard]. Each is an actors.Handler.
//
//	b, err := backend.New(backend.Config{URL: "http://localhost:3000/events"})
//	m, err := actors.New(actors.Config{Handler: b})
//	...
//	err = m.Shutdown(ctx) // tells the service that the connections are closed
//	err = b.Shutdown(ctx)
//
// # Events
//
// Each event is one POST to the URL. The events of a connection come one by
// one, in order, each after the one before was answered; those of different
// connections come at the same time. The headers say what it is:
//
//	Tether-Event        opened, message or closed
//	Tether-Connection   the connection's ID
//	Tether-Incarnation  the number of its socket; 0 without one
//	Tether-Event-ID     names the event, and is the same whenever it is repeated
//	Content-Type        of a message: text/plain; charset=utf-8, or
//	                    application/octet-stream if it is binary
//
// The body of a message is the message as it is. That of the others is JSON,
// to which fields may be added:
//
//	{"id":"...","peer":"192.0.2.1:4711","labels":{},"subprotocol":""}  opened
//	{"id":"...","code":1000,"reason":"","remote":true}                 closed
//
// A connection that comes back after a drop is opened again, with a greater
// incarnation; its drop is not an event. A connection is closed exactly once,
// also if it never opened or was gone before that could be told. Its code is
// 1006 if there was no close frame; remote says that the client ended it.
//
// # Answers
//
// The status says what becomes of the event:
//
//	2xx                 taken. A body, if there is one, goes to the client as
//	                    one message: binary if its Content-Type is
//	                    application/octet-stream, otherwise text
//	408 429 502 503 504 repeated later, as when there is no answer; not before
//	                    Retry-After, of which up to 30 s are heeded
//	401 403             to opened: the connection is closed with 4401 or 4403
//	other 3xx and 4xx   refused: the event is given up and the connection goes
//	                    on. Redirects are not followed
//	other 5xx           the connection fails, and a client is closed with 1011
//
// The header Tether-Close, a close code and optionally a reason, as in
// "Tether-Close: 4000 game over", closes the connection, behind the body; with
// 1011 if a close frame cannot carry them. It is heeded in every answer but one
// to closed and one that has the event repeated.
//
// An answer that cannot be sent, since it is too long or text that is not
// UTF-8, fails the connection as a 5xx does. Of a client that is gone it is
// dropped.
//
// When an event cannot be handed over within the bounds of the [Config], its
// connection ends, since a loss must not go unnoticed: a client is closed with
// 1013 (try again later), a dialed connection fails and is dialed again by its
// policy. A closed event is then lost, which is counted and logged.
//
// A service may get an event more than once: whenever it has taken one whose
// answer did not arrive. Event IDs tell, across restarts of the gateway too.
// What a client sent before it left is handed over although it is gone; what
// waits behind a failed event is not.
//
// While a message is not answered for, the connection's socket is read no
// further than the manager's inbound queue, and TCP slows its client down.
//
// # Signatures
//
// With a secret, each request carries Tether-Timestamp, the seconds since 1970
// at which it was sent, and Tether-Signature: "sha256=" and, in hexadecimal,
// the HMAC-SHA256 under the secret of
//
//	timestamp "." event ID "." event "." body
//
// A service should compare it in constant time and refuse timestamps more
// than a few minutes off.
package backend
