// Package demo is a storm on real sockets: it holds many supervised
// connections to a server of its own, sends messages to random ones of them,
// and has the server keep cutting them. Then it lets all recover and says what
// became of the connections and of the messages.
//
// The server is package witness, which counts independently of Tether, and the
// cuts are the faults of package drops, in the server's ends of the sockets.
// Every message is AtLeastOnce; one that finds its connection's outbox full is
// counted as refused and not as sent.
package demo
