package drops

import "time"

// DefaultMix returns a mix of all kinds of happenings, which drops a
// supervised connection about once in two minutes: ten minutes see each
// drop about five times. A heartbeat of package actors (25 s and 10 s) finds
// most of what lasts there, and misses what is too short or still lets a pong
// through in time. Some of it parks a connection: rarely, since a parked one
// drops no more.
func DefaultMix() Mix {
	return Mix{
		{Reset{}, 6, 0},
		{FIN{}, 3, 0},
		{Torn{After: 1}, 1.5, 0},
		{Torn{After: 3, FIN: true}, 1.5, 0},
		{Garbage{}, 1, 0},
		{BadUTF8{}, 1, 0},
		{Oversized{Bytes: 2 << 20}, 0.5, 0},
		{CloseCode{Code: 1001}, 2, 0},
		{CloseCode{Code: 1012, Reason: "service restart"}, 2, 0},
		{CloseCode{Code: 1013}, 0.5, 0},
		{CloseCode{Code: 1008}, 0.2, 0},
		{CloseCode{Code: 4000, Twice: true}, 1, 0},
		{CloseCode{Code: 1000, Leave: true}, 1, 0},
		{Unasked{Payload: "nobody asked"}, 1, 0},

		{Silence{}, 2, time.Minute},
		{Silence{}, 1, 10 * time.Second},
		{Silence{In: true}, 1.5, 40 * time.Second},
		{Silence{Out: true}, 1.5, 40 * time.Second},
		{Stall{}, 1, time.Minute},
		{Pongs{}, 1, time.Minute},
		{Pongs{Late: 3 * time.Second}, 1, time.Minute},
		{Bytewise{}, 1, time.Minute},
		{Slow{Latency: 100 * time.Millisecond, Jitter: 50 * time.Millisecond, Bandwidth: 64_000}, 1, time.Minute},

		{Refuse{Status: 503, RetryAfter: 10 * time.Second}, 1.5, 20 * time.Second},
		{Refuse{Status: 429, RetryAfter: 5 * time.Second}, 0.5, 0},
		{HangUp{}, 1, 15 * time.Second},
		{StallHandshake{}, 1, 15 * time.Second},
		{WrongAccept{}, 0.2, 0},
		{Reject{}, 0.5, 10 * time.Second},
		{Reject{Code: 1001, Reason: "going away"}, 0.5, 10 * time.Second},

		{NoSuchHost{}, 1, 20 * time.Second},
		{ConnRefused{}, 1, 20 * time.Second},
		{Unanswered{}, 1, 20 * time.Second},
	}
}
