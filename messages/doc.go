// Package messages is the vocabulary that all of Tether speaks: connection
// IDs and payloads, what a connection's mailbox receives, the states of a
// connection with the table of their transitions, the events an embedder may
// listen to, and the errors.
//
// It depends on the standard library and google/uuid alone and starts no
// goroutine, so that a program may speak of connections without linking the
// machinery that holds them.
//
//	id, err := manager.Dial(ctx, target)
//	err = manager.Send(id, messages.Text("hello"))
//	if errors.Is(err, messages.ErrQueueFull) { ... }
//
// # Guarantees
//
// A [Message] is sent [AtMostOnce] unless it asks for [AtLeastOnce]. Each
// message that was admitted ends in exactly one [Outcome]. The rules of order,
// delivery and restart stand in the documentation of package actors.
package messages
