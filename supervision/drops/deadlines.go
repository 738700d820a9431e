package drops

import (
	"container/heap"
	"time"
)

// deadlines are the times by which something must have happened to each of
// some connections.
type deadlines struct {
	due   map[int]time.Duration // by connection
	queue deadlineQueue         // with those that were moved or cleared since
}

type deadline struct {
	at   time.Duration
	conn int
}

func (d *deadlines) set(conn int, at time.Duration) {
	if d.due == nil {
		d.due = make(map[int]time.Duration)
	}
	d.due[conn] = at
	heap.Push(&d.queue, deadline{at, conn})
}

func (d *deadlines) clear(conn int) { delete(d.due, conn) }

// missed takes out the next connection whose deadline lies before now.
func (d *deadlines) missed(now time.Duration) (conn int, due time.Duration, ok bool) {
	for len(d.queue) > 0 && d.queue[0].at < now {
		first := heap.Pop(&d.queue).(deadline)
		if due, set := d.due[first.conn]; set && due == first.at {
			d.clear(first.conn)
			return first.conn, due, true
		}
	}
	return 0, 0, false
}

// deadlineQueue is a heap of deadlines by their time, then by connection.
type deadlineQueue []deadline

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (q deadlineQueue) Len() int      { return len(q) }
func (q deadlineQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q deadlineQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].conn < q[j].conn
}
func (q *deadlineQueue) Push(x any) { *q = append(*q, x.(deadline)) }

func (q *deadlineQueue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	*q = (*q)[:last]
	return d
}
