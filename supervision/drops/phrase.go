package drops

import (
	"strconv"
	"time"
)

// phrase is a happening in the words that [Parse] reads: a name and its
// arguments. An argument that is zero is left out.
type phrase string

func (p phrase) flag(word string, set bool) phrase {
	if !set {
		return p
	}
	return p + phrase(" "+word)
}

func (p phrase) number(n int) phrase {
	return p.flag(strconv.Itoa(n), n != 0)
}

func (p phrase) count(key string, n int) phrase {
	return p.flag(key+"="+strconv.Itoa(n), n != 0)
}

func (p phrase) seed(key string, n uint64) phrase {
	return p.flag(key+"="+strconv.FormatUint(n, 10), n != 0)
}

func (p phrase) duration(key string, d time.Duration) phrase {
	return p.flag(key+"="+d.String(), d != 0)
}

func (p phrase) text(key, text string) phrase {
	return p.flag(key+"="+strconv.Quote(text), text != "")
}
