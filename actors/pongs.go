package actors

// pongs are the payloads of the peer's pings that wait for an answer, in order,
// each behind a byte with its length.
type pongs []byte

// mostPongs bounds those that wait, in bytes: at least 16 pings' of any length.
const mostPongs = 16 * (1 + 125)

// add appends a ping's payload. Where the peer sends them faster than it reads
// the oldest is dropped: only the latest needs an answer (RFC 6455, section
// 5.5.3).
func (p pongs) add(payload []byte) pongs {
	for len(p)+1+len(payload) > mostPongs {
		p = p[1+int(p[0]):]
	}
	return append(append(p, byte(len(payload))), payload...)
}

// all calls yield with each payload.
func (p pongs) all(yield func([]byte) bool) {
	for len(p) > 0 {
		end := 1 + int(p[0])
		if !yield(p[1:end]) {
			return
		}
		p = p[end:]
	}
}
