package messages_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
)

var errCut = errors.New("cut")

func TestWhichTransitionsAreDrops(t *testing.T) {
	byPeer := &messages.CloseError{Code: 1001, Remote: true, Err: &messages.PeerCloseError{Code: 1001}}
	deliberate := &messages.CloseError{Code: 1000}
	failed := &messages.CloseError{Code: 1006, Err: errCut}
	drops := map[messages.State]map[error]bool{
		messages.Backoff:  {errCut: true, nil: true, byPeer.Err: true},
		messages.Parked:   {errCut: true, nil: true},
		messages.Detached: {errCut: true, nil: true},
		messages.Closing:  {errCut: true, nil: false},
		messages.Closed:   {failed: true, deliberate: false, byPeer: false, nil: false},
	}
	for from := messages.State(0); from <= messages.Closed+1; from++ {
		for to := messages.State(0); to <= messages.Closed+1; to++ {
			for _, cause := range []error{nil, errCut, failed, deliberate, byPeer, byPeer.Err} {
				want, decided := drops[to][cause]
				if from == messages.Open && drops[to] != nil && !decided {
					continue
				}
				want = want && from == messages.Open
				if got := (messages.Transition{From: from, To: to, Cause: cause}).Dropped(); got != want {
					t.Errorf("%v to %v for %v: %v", from, to, cause, got)
				}
			}
		}
	}
}

func TestStatsOfSeveralManagersAddUp(t *testing.T) {
	one := numbered(1)
	sum := one
	sum.Add(numbered(100))
	want := reflect.ValueOf(numbered(101))
	for i := range want.NumField() {
		name, got := want.Type().Field(i).Name, reflect.ValueOf(sum).Field(i)
		if name != "RTT" && !reflect.DeepEqual(got.Interface(), want.Field(i).Interface()) {
			t.Errorf("%s is %v, want %v", name, got, want.Field(i))
		}
	}
	if sum.RTT.Count() != 2 || sum.RTT.Sum != 101*time.Second {
		t.Errorf("RTT is %v", sum.RTT)
	}
}

// numbered fills every field with n.
func numbered(n int) (s messages.Stats) {
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.Uint64:
			f.SetUint(uint64(n))
		case f.Kind() == reflect.Array && f.Type().Elem().Kind() == reflect.Int:
			for j := range f.Len() {
				f.Index(j).SetInt(int64(n))
			}
		case f.Kind() == reflect.Array:
			for j := range f.Len() {
				f.Index(j).SetUint(uint64(n))
			}
		}
	}
	s.RTT.Observe(time.Duration(n) * time.Second)
	return s
}

func TestHeldIsTheSumOverTheStates(t *testing.T) {
	var s messages.Stats
	s.Connections[messages.Open], s.Connections[messages.Parked] = 3, 4
	if s.Held() != 7 || s.In(messages.Open) != 3 || s.In(messages.Closed) != 0 || s.In(messages.Closed+1) != 0 {
		t.Errorf("%d held: %v", s.Held(), s)
	}
}
