// Package witness is a plain WebSocket server that keeps its own account of
// what reached it.
//
// It is written with gorilla/websocket alone and imports nothing of Tether, so
// that its numbers vouch for Tether from outside. A client names itself in its
// URL, /?id=NAME, over all of its connections. Its messages are numbers from 1
// upwards, each an unsigned varint (encoding/binary) in a message of its own.
// The faults come from whoever drops the connections beneath; the witness is
// told which of them are struck, and takes nobody's word for what became of
// them.
//
// # How live sockets are counted
//
// When a client has shaken hands anew, an older socket of its counts as live
// beside the new one if it has not ended within 1 s of the new handshake, as
// the server reads it: whatever was done to it, its client is to have given it
// up. So that this can be seen of a silenced one too, whoever silenced it is
// told of the new handshake and is to heal it then. What arrives on an older
// socket after a newer handshake is not counted as received: a message that
// came by that way alone is lost.
package witness
