package backend_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors/gateway/backend"
)

func TestRequestsAreSignedWithTheTimeOfEachAttempt(t *testing.T) {
	secret := []byte("of the service and us")
	n := 0
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Retry-After", "10")
			w.WriteHeader(503)
		}
	})
	withHTTP(t, backend.Config{Secret: secret}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		clear(secret) // it was copied
		c := w.connect()
		c.say("a message")
		time.Sleep(time.Minute)
		c.Close()
		synctest.Wait()
		got := w.service.got("")
		if len(got) != 4 {
			t.Fatalf("the service was told %+v", got)
		}
		for _, e := range got {
			stamp := e.header.Get("Tether-Timestamp")
			if stamp != strconv.FormatInt(e.at.Unix(), 10) {
				t.Errorf("%s at %v has the timestamp %s", e.event, e.at, stamp)
			}
			mac := hmac.New(sha256.New, []byte("of the service and us"))
			mac.Write([]byte(stamp + "." + e.id + "." + e.event + "." + e.body))
			if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); e.header.Get("Tether-Signature") != want {
				t.Errorf("%s has the signature %s", e.event, e.header.Get("Tether-Signature"))
			}
		}
		if got[1].header.Get("Tether-Timestamp") == got[2].header.Get("Tether-Timestamp") {
			t.Error("a retry has the timestamp of the first attempt")
		}
	})
}
