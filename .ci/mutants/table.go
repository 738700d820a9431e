package main

// mutants is in the order of the table in the documentation.
var mutants = []mutant{
	{
		name: "a socket that is given up stays open", invariant: "one socket",
		file: "actors/wire.go",
		old:  "	err := raw.Close()\n",
		new:  "	err := raw.SetReadDeadline(time.Unix(1, 0))\n",
	},
	{
		name: "what was unconfirmed goes behind what is newer", invariant: "in order",
		file: "actors/flight.go",
		old:  "		o.queue.pushFront(e)\n",
		new:  "		o.queue.pushBack(e)\n",
	},
	{
		name: "a confirmation is told to nobody", invariant: "one outcome",
		file: "actors/record.go",
		old:  "	r.admitNext()\n	if r.m.config.OnEvent != nil {\n",
		new:  "	r.admitNext()\n	if r.m.config.OnEvent != nil && outcome != messages.OutcomeConfirmed {\n",
	},
	{
		name: "a pong confirms one message too many", invariant: "one outcome",
		file: "actors/confirm.go",
		old:  "	r.outbox.confirm(r, pong.Number)\n",
		new:  "	r.outbox.confirm(r, pong.Number+1)\n",
	},
	{
		name: "what was unconfirmed is forgotten with its socket", invariant: "one outcome",
		file: "actors/flight.go",
		old:  "		default:\n			again.pushBack(e)\n",
		new:  "		default:\n",
	},
	{
		name: "a move is told to begin elsewhere", invariant: "legal moves",
		file: "actors/record.go",
		old:  "From: r.state, To: next, Cause: cause}",
		new:  "From: messages.Connecting, To: next, Cause: cause}",
	},
	{
		name: "an attempt outlives its connection", invariant: "closed is final",
		file: "actors/record.go",
		old:  "	if r.attempt != nil {\n		r.attempt.stop()\n		r.attempt = nil\n	}\n	l := r.link\n",
		new:  "	l := r.link\n",
	},
	{
		name: "an answer may take twice the time", invariant: "silence found",
		file: "actors/rhythm.go",
		old:  "	return l.sentAt.add(r.settings.heartbeat.Timeout)\n",
		new:  "	return l.sentAt.add(2 * r.settings.heartbeat.Timeout)\n",
	},
	{
		name: "a pong is no sign of life", invariant: "no false alarm",
		file: "actors/rhythm.go",
		old:  "func (l *link) heard() instant { return instant(l.wire.life.Load()) }",
		new:  "func (l *link) heard() instant { return 0 }",
	},
	{
		name: "attempts are not spaced", invariant: "governor held",
		file: "supervision/pool.go",
		old:  "	next := p.last.Add(b.spacing)\n",
		new:  "	next := p.last\n",
	},
	{
		name: "attempts under way are not counted", invariant: "governor held",
		file: "supervision/turns.go",
		old:  "	waits := p.queue.Len() > 0 && p.underWay < b.concurrent\n",
		new:  "	waits := p.queue.Len() > 0\n",
	},
	{
		name: "an opening resets the backoff", invariant: "backoff kept",
		file: "actors/rhythm.go",
		old:  "	return r.link != nil && r.link.heard() >= r.link.opened.add(r.settings.restart.HealthyAfter)\n",
		new:  "	return r.link != nil\n",
	},
	{
		name: "a failure is retried at once", invariant: "backed off",
		file: "supervision/policy.go",
		old:  "	delay := max(p.Backoff.Delay(h.Attempt, u), r.Floor, asked)\n",
		new:  "	delay := max(0*p.Backoff.Delay(h.Attempt, u), r.Floor, asked)\n",
	},
	{
		name: "Retry-After is overlooked", invariant: "backed off",
		file: "supervision/policy.go",
		old:  "	alone = min(max(refused.RetryAfter, 0), p.MaxRetryAfter)\n",
		new:  "	alone = 0\n",
	},
	{
		name: "1013 is a close like others", invariant: "backed off",
		file: "supervision/rules.go",
		old:  "From: 1013, Floor: 30 * time.Second}",
		new:  "From: 1013, Floor: time.Nanosecond}",
	},
	{
		name: "proven health resets nothing", invariant: "backed off",
		file: "actors/rhythm.go",
		old:  "	if r.healthy() {\n		r.failures",
		new:  "	if r.healthy() && r.failures.Attempt < 0 {\n		r.failures",
	},
	{
		name: "a parked connection is not probed", invariant: "back in time",
		file: "actors/drop.go",
		old:  "	if !r.hurry && r.next > r.m.now() {\n",
		new:  "	if !r.hurry && r.state == messages.Parked {\n		d = 1000 * time.Hour\n	} else if !r.hurry && r.next > r.m.now() {\n",
	},
	{
		name: "Retry does nothing", invariant: "back in time",
		file: "actors/manager.go",
		old:  "		r.hurry, r.next = true, m.now()\n		m.system.Root.Send(m.supervisor, retry{r})\n",
		new:  "",
	},
	{
		name: "what expires is not counted", invariant: "counts add up",
		file: "actors/record.go",
		old:  "	r.counts.outcomes[outcome]++\n",
		new:  "	if outcome != messages.OutcomeExpired {\n		r.counts.outcomes[outcome]++\n	}\n",
	},
	{
		name: "a closed connection is remembered for too long", invariant: "nothing left",
		file: "actors/table.go",
		old:  "	remembered     = time.Minute\n",
		new:  "	remembered     = time.Hour\n",
	},
	{
		name: "a timer outlives the shutdown", invariant: "nothing left",
		file: "actors/pacemaker.go",
		old:  "		p.timer.Stop()\n",
		new:  "		p.timer.Reset(1000 * time.Hour)\n",
	},
}
