package actors

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"

	"github.com/gorilla/websocket"
)

// Compression is permessage-deflate without context takeover (RFC 7692).

const deflateTail = 4 // bytes, 00 00 ff ff, that the frame leaves out (section 7.2.1)

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// appendDeflated appends the compressed payload of a data frame, for a peer
// with a window of 1<<bits bytes. The compressor's own is the greatest: for a
// smaller one it starts anew before it can look further back.
func appendDeflated(b, payload []byte, bits uint8) []byte {
	out := bytes.NewBuffer(b)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(out)
	// A bytes.Buffer does not fail.
	for window := 1 << bits; bits < mostBits && len(payload) > window; payload = payload[window:] {
		_, _ = w.Write(payload[:window])
		_ = w.Flush()
		w.Reset(out)
	}
	_, _ = w.Write(payload)
	_ = w.Flush()
	return out.Bytes()[:out.Len()-deflateTail]
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
