// Package supervision decides whether and when a failed connection is
// restarted, and sees to it that many do not come back as a stampede.
//
// It has a pure half and a timed half:
//
//   - [Backoff] turns an attempt into a delay, and [Policy] turns what a
//     connection remembers of its failures ([History]), the time and a cause
//     into a [Verdict]. Neither reads a clock nor draws a random number: both
//     are passed in, so a seed replays a run.
//   - [Strategy] is the protoactor strategy that waits out such a verdict and
//     then restarts the child; [Governor] says when each dial may begin.
//
// The least use of the policy, at each failure of a connection:
//
//	verdict, history = policy.Decide(history, time.Now(), cause, rand.Float64())
//
// and history = policy.Healthy(history) at its first frame that arrives
// HealthyAfter or more after the opening.
//
// # Guarantees
//
// A delay is never over the cap of its backoff, but for the floor of a rule or
// a Retry-After. A parked connection is tried again at the interval Probe,
// never given up. A child that was stopped through its Strategy never comes
// back, and no timer outlives its supervisor. No window of one second holds
// more grants of a Governor than its bounds, of a pool or of all.
//
// # Not guaranteed
//
// Nothing here opens or closes a socket, and a Governor only bounds those who
// ask it. Its rates are upper bounds: on a real clock the timer's lateness
// keeps high rates somewhat below them.
package supervision
