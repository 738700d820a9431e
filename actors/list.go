package actors

// list is a doubly linked list of entries, which carry its links: an entry is
// in one list at most, and moving one allocates nothing.
type list struct {
	head, tail *entry
	len        int
}

func (l *list) pushBack(e *entry) {
	e.prev, e.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = e
	} else {
		l.head = e
	}
	l.tail = e
	l.len++
}

func (l *list) pushFront(e *entry) {
	e.prev, e.next = nil, l.head
	if l.head != nil {
		l.head.prev = e
	} else {
		l.tail = e
	}
	l.head = e
	l.len++
}

func (l *list) remove(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.tail = e.prev
	}
	e.prev, e.next = nil, nil
	l.len--
}

func (l *list) popFront() *entry {
	e := l.head
	if e != nil {
		l.remove(e)
	}
	return e
}

// cut takes off the first n entries, of which last is the last.
func (l *list) cut(last *entry, n int) list {
	if n == 0 {
		return list{}
	}
	front := list{l.head, last, n}
	l.head, l.len = last.next, l.len-n
	if l.head == nil {
		l.tail = nil
	} else {
		l.head.prev, last.next = nil, nil
	}
	return front
}
