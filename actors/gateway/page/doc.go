// Package page is the status page of a gateway: one self-contained HTML
// document, kept live by a WebSocket of its own.
//
//	status := page.New(fleet, g.Counts, feed)
//	defer status.Close()
//	mux.Handle("/", g.Control())
//	mux.Handle("GET /{$}", g.GuardPage(status))
//	mux.Handle("GET /live", g.Guard(status))
//
// It serves the document at / and its WebSocket at /live. Its buttons use the
// control API, which must be reachable at v1/ beside the document, wherever
// that is mounted.
//
// # What it costs
//
// Nothing while no page is open. Else the fleet's counts are read once a
// second for all pages, and all connections are looked at together, for the
// round trips and for what each page searches: after that the same time is
// rested four times over, so that a big fleet is looked at less often rather
// than at the cost of its messages. At most 32 pages may be open. One that
// does not read what it is told is told less often, and dropped when a write
// has taken 5 s.
//
// # Who may see it
//
// The page checks neither Host nor Origin nor token beyond the WebSocket's
// same origin: mount it behind a guard. The document holds no secret, so where
// a token is required the document itself may be served without one. It asks
// for the token, and presents it without cookies: to the control API as
// "Authorization: Bearer TOKEN", and to /live, where a browser can set no
// header, as an offered subprotocol, "bearer." and the token in unpadded
// base64url, beside [Subprotocol], which is the one agreed to. To learn why a
// socket was refused it asks for /live by a plain GET with the header: 401
// means that the token is missing or wrong, 426 that it is not.
//
// All that strangers wrote, such as labels, peers and the reasons of closes,
// is shown as text; the document's Content-Security-Policy allows no script
// but its own.
package page
