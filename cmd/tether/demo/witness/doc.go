// Package witness is a plain WebSocket server that cuts its connections on
// request and keeps its own account of what reached it.
//
// It is written with gorilla/websocket alone and imports nothing of Tether, so
// that its numbers vouch for Tether from outside. A client names itself in its
// URL, /?id=NAME, over all of its connections. Its messages are numbers from 1
// upwards, each an unsigned varint (encoding/binary) in a message of its own.
//
// # How live sockets are counted
//
// When a client has shaken hands anew, an older socket of its counts as live
// beside the new one if the server has not cut it and it has not ended within
// 1 s of the new handshake. A silenced one is read again from the new
// handshake on, so that its end can be seen. What arrives on an older socket
// after a newer handshake is not counted as received: a message that came by
// that way alone is lost.
package witness
