package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
	"unicode/utf8"
)

// bodyTimeout is for how long a body may keep the request waiting.
const bodyTimeout = 30 * time.Second

// body reads the whole body, of at most limit bytes.
func (r *call) body(limit int64) ([]byte, error) {
	if e := r.Header.Values("Content-Encoding"); len(e) > 1 || len(e) == 1 && e[0] != "identity" && e[0] != "" {
		return nil, newProblem(kindEncoding, "the body must have no Content-Encoding")
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	// The server lifts it when the body has been read.
	_ = http.NewResponseController(r.w).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	var more *http.MaxBytesError
	switch {
	case errors.As(err, &more):
		return nil, tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem(kindSlowBody, "the body took longer than "+bodyTimeout.String())
	case err != nil:
		return nil, invalidField("body", "can't be read")
	}
	return body, nil
}

func tooLarge(limit int64) *problem {
	return newProblem(kindTooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
}

const mostJSON = 64 << 10 // bytes of a body that is JSON

// object reads a body that is one JSON object into the members of those names,
// which are pointers. Other members, a member given twice and anything behind
// the object are refused.
func (r *call) object(members map[string]any) error {
	body, err := r.body(mostJSON)
	if err != nil {
		return err
	}
	if !utf8.Valid(body) {
		return invalidField("body", "is not UTF-8")
	}
	return readObject(json.NewDecoder(bytes.NewReader(body)), "", func(d *json.Decoder, name string) error {
		into, known := members[name]
		if !known {
			return invalidField(name, "is no member of this request")
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return invalidField("body", "is not JSON")
		}
		return readMember(name, raw, into)
	})
}

// readMember reads one value; there is no null.
func readMember(name string, raw json.RawMessage, into any) error {
	bad := invalidField(name, "is not %s", expectation(into))
	if string(raw) == "null" {
		return bad
	}
	switch into := into.(type) {
	case *map[string]string:
		return readStrings(name, raw, into)
	case *[]string:
		var all []*string // in which a null shows
		if err := json.Unmarshal(raw, &all); err != nil || slices.Contains(all, nil) {
			return bad
		}
		for _, s := range all {
			*into = append(*into, *s)
		}
	default:
		if err := json.Unmarshal(raw, into); err != nil {
			return bad
		}
	}
	return nil
}

// readStrings reads an object of strings, member by member: of equal names the
// decoder would take the last.
func readStrings(name string, raw json.RawMessage, into *map[string]string) error {
	*into = make(map[string]string)
	return readObject(json.NewDecoder(bytes.NewReader(raw)), name, func(d *json.Decoder, key string) error {
		var value *string
		if err := d.Decode(&value); err != nil || value == nil {
			return invalidField(join(name, key), "is not a string")
		}
		(*into)[key] = *value
		return nil
	})
}

// readObject reads one object and nothing behind it. Each of its members' values
// is for read to take from the decoder.
func readObject(d *json.Decoder, name string, read func(*json.Decoder, string) error) error {
	what := name
	if what == "" {
		what = "body"
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return invalidField(what, "is not a JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return invalidField(what, "is not JSON")
		}
		if seen[key] {
			return invalidField(join(name, key), "is given more than once")
		}
		seen[key] = true
		if err := read(d, key); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return invalidField(what, "is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalidField(what, "has something behind its end")
	}
	return nil
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

func expectation(into any) string {
	switch into.(type) {
	case *bool:
		return "true or false"
	case *[]string:
		return "an array of strings"
	case *map[string]string:
		return "an object of strings"
	}
	return "a string"
}
