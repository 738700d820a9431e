package actors

import (
	"bytes"
	"compress/flate"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// Compression is permessage-deflate without context takeover (RFC 7692),
// which is all that the handshake of gorilla's ever agrees to.

const deflateTail = 4 // bytes, 00 00 ff ff, that the frame leaves out (section 7.2.1)

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// appendDeflated appends the compressed payload of a data frame.
func appendDeflated(b, payload []byte) []byte {
	out := bytes.NewBuffer(b)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(out)
	// A bytes.Buffer does not fail.
	_, _ = w.Write(payload)
	_ = w.Flush()
	return out.Bytes()[:out.Len()-deflateTail]
}

const (
	extensions = "Sec-Websocket-Extensions"
	deflation  = "permessage-deflate"
)

// deflates reports whether a server's answer agrees to compression.
func deflates(answer http.Header) bool {
	for _, line := range answer[extensions] {
		for extension := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(extension, ";")
			if strings.TrimSpace(name) == deflation {
				return true
			}
		}
	}
	return false
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// endOfStream is the tail that the frame left out, and an empty last block to
// end with (RFC 7692, section 7.2.2).
var endOfStream = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflate decompresses a message of at most limit bytes.
func inflate(payload []byte, limit int64) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	in := io.MultiReader(bytes.NewReader(payload), bytes.NewReader(endOfStream))
	if err := r.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, max(limit, limit+1))) // without an overflow
	switch {
	case err != nil:
		return nil, violation(websocket.CloseInvalidFramePayloadData, "compressed data: %w", err)
	case int64(len(out)) > limit:
		return nil, tooLong(limit)
	}
	return out, nil
}
