package drops_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tetherws/tether/supervision/drops"
)

// pass has a client send the parts through a proxy, and returns what the
// server got and what was counted.
func pass(t *testing.T, parts ...[]byte) (got []byte, counted drops.ProxyTraffic) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		p := must(drops.NewProxy("ws://server"))
		p.Dial = n.DialContext
		go p.Serve(must(n.Listen("proxy:80")))
		defer p.Close()
		received := make(chan []byte)
		l := must(n.Listen("server:80"))
		defer l.Close()
		go func() {
			c := must(l.Accept())
			defer c.Close()
			r := bufio.NewReader(c)
			_ = must(http.ReadRequest(r))
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			received <- must(io.ReadAll(r))
		}()
		c := must(n.DialContext(t.Context(), "tcp", "proxy:80"))
		defer c.Close()
		_, _ = io.WriteString(c, rawHandshake)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		for _, part := range parts {
			_, _ = c.Write(part)
			synctest.Wait()
		}
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
		got = <-received
		counted = p.Counts().FromClient
	})
	return got, counted
}

func TestFramesAreCounted(t *testing.T) {
	tests := []struct {
		frames string
		want   string // messages, pings, pongs, codes
	}{
		{"", "0 0 0 map[]"},
		{"\x81\x05hello\x82\x00", "2 0 0 map[]"},
		{"\x01\x01a\x89\x00\x00\x01b\x8a\x01x\x80\x01c", "1 1 1 map[]"},
		{"\x82\x7e\x00\x80" + strings.Repeat("x", 128), "1 0 0 map[]"},
		{"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("x", 1<<16) + "\x89\x00", "1 1 0 map[]"},
		{"\xc1\x02zz", "1 0 0 map[]"},                // compressed
		{"\x83\x02zz\x81\x00", "1 0 0 map[]"},        // of an extension
		{"\x81\x05hell", "0 0 0 map[]"},              // not whole
		{"\x88\x00", "0 0 0 map[1005:1]"},            // no code
		{"\x88\x01\x03", "0 0 0 map[0:1]"},           // half of one
		{"\x88\x05\x03\xe9bye", "0 0 0 map[1001:1]"}, // and a reason
		{"\x88\x82\x01\x02\x03\x04\x02\xea", "0 0 0 map[1000:1]"},
		{"\x81\x00\x89\x7e\x00\x7e" + strings.Repeat("\x81\x00", 63), "1 0 0 map[]"}, // a long ping
		{"\x81\x00\x82\xff\xff\xff\xff\xff\xff\xff\xffmask\x81\x00", "1 0 0 map[]"},  // an impossible length
	}
	for _, test := range tests {
		bytewise := slices.Collect(slices.Chunk([]byte(test.frames), 1))
		for _, parts := range [][][]byte{{[]byte(test.frames)}, bytewise} {
			if len(parts) > 1000 {
				continue
			}
			got, c := pass(t, parts...)
			if string(got) != test.frames || c.Bytes != uint64(len(test.frames)) {
				t.Errorf("%.40q: %d bytes arrived, %d were counted", test.frames, len(got), c.Bytes)
			}
			if counted := fmt.Sprint(c.Messages, c.Pings, c.Pongs, c.CloseCodes); counted != test.want {
				t.Errorf("%.40q in %d parts: %s; want %s", test.frames, len(parts), counted, test.want)
			}
		}
	}
}

// Whatever passes arrives, and counts alike wherever it is cut.
func FuzzProxy(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x89\x00\x8a\x02ok\x88\x02\x03\xe8"), uint8(1))
	f.Add([]byte("\x01\x80\x00\x00\x00\x00\x80\x00\x82\x7e\x00\x01x\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01x"), uint8(3))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		b = b[:min(len(b), 4<<10)]
		got, whole := pass(t, b)
		_, again := pass(t, slices.Collect(slices.Chunk(b, int(cut)+1))...)
		if !bytes.Equal(got, b) || fmt.Sprint(whole) != fmt.Sprint(again) {
			t.Errorf("%d of %d bytes arrived; whole %+v, cut %+v", len(got), len(b), whole, again)
		}
	})
}
