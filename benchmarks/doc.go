// Package benchmarks measures what Tether costs, beside a hub written by hand
// in the manner of gorilla/websocket's chat example: a map of clients, and for
// each a queue of 256 messages with a goroutine that writes it and one that
// reads the socket.
//
// Both figures, with the connections dialed to a server in another process on
// loopback (about a minute on two cores):
//
//	go test ./benchmarks -run '^$' -bench 'Route/ratio|Idle' -benchtime 1x
//
// BenchmarkRoute sends 128-byte messages to random connection IDs and reports
// the CPU time, user and system, that the sending process spends on each
// (cpu-ns/msg); the clock stops when the last one was written. Route/hub and
// Route/tether run one side for as long as -benchtime says. Route/ratio runs
// both turn about, since machines are noisy, and reports the median of each
// and of their ratio (tether/hub).
//
// BenchmarkIdle reports the resident memory that an open connection without
// traffic adds to its process (B/conn), once each connection has had a
// heartbeat answered and the garbage was returned to the system. The flag
// -idle sets how many are held; the limit of open files must allow as many in
// each of two processes.
package benchmarks
