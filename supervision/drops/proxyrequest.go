package drops

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

const maxFaultRequest = 64 << 10

// faultRequest is the body of a POST.
type faultRequest struct {
	Fault      string   `json:"fault"`
	For        string   `json:"for"`
	Share      *float64 `json:"share"`
	Connection *uint64  `json:"connection"`
	All        bool     `json:"all"`
	Side       string   `json:"side"`
}

func (p *Proxy) takeFault(w http.ResponseWriter, r *http.Request) {
	o, bad := readFaultRequest(w, r)
	if bad == nil {
		bad = p.obey(w, o)
	}
	if bad != nil {
		bad.write(w)
	}
}

func invalidField(field, format string, args ...any) *problem {
	return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf(format, args...), Field: field}
}

func readFaultRequest(w http.ResponseWriter, r *http.Request) (o faultRequest, bad *problem) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return o, &problem{Status: http.StatusUnsupportedMediaType, Detail: "the Content-Type must be application/json"}
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultRequest))
	body.DisallowUnknownFields()
	err := body.Decode(&o)
	if err == nil {
		err = onlyOne(body)
	}
	return o, unreadable(err)
}

var errMore = errors.New("there is more than one JSON object")

func onlyOne(body *json.Decoder) error {
	_, err := body.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		return errMore
	}
	return err
}

func unreadable(err error) *problem {
	var long *http.MaxBytesError
	var mistyped *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &long):
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body may have %d bytes", maxFaultRequest)}
	case errors.As(err, &mistyped):
		return invalidField(mistyped.Field, "%s is no %s", mistyped.Value, mistyped.Type)
	}
	name, _ := strings.CutPrefix(err.Error(), "json: unknown field ")
	name, _ = strconv.Unquote(name) // empty where it is something else
	return invalidField(name, "%v", err)
}

// obey does what is asked for.
func (p *Proxy) obey(w http.ResponseWriter, o faultRequest) *problem {
	what, err := Parse(o.Fault)
	if err != nil {
		return invalidField("fault", "%v", err)
	}
	d, bad := o.lasts(what)
	if bad != nil {
		return bad
	}
	f, ok := what.(Fault)
	if !ok {
		return p.obeyHandshake(w, o, what, d)
	}
	in := Injection{Fault: f, For: d}
	if err := in.Side.UnmarshalText([]byte(o.Side)); err != nil {
		return invalidField("side", "%v", err)
	}
	struck, bad := p.obeyFault(o, in)
	if bad == nil {
		replyJSON(w, map[string]int{"struck": struck})
	}
	return bad
}

func (o faultRequest) lasts(what Happening) (time.Duration, *problem) {
	if o.For == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(o.For)
	if err != nil || d <= 0 {
		return 0, invalidField("for", "%q is no time, such as 30s", o.For)
	}
	if err := checkFor(what, d); err != nil {
		return 0, invalidField("for", "%v", err)
	}
	return d, nil
}

// targets counts how many the order names.
func (o faultRequest) targets() (n int) {
	for _, named := range []bool{o.Share != nil, o.Connection != nil, o.All} {
		if named {
			n++
		}
	}
	return n
}

func (p *Proxy) obeyHandshake(w http.ResponseWriter, o faultRequest, what Happening, d time.Duration) *problem {
	if o.targets() != 0 || o.Side != "" {
		return invalidField("fault", "%s happens to the next handshake: leave out share, connection, all and side", wordOf(what))
	}
	if err := p.Hinder(what, d); err != nil {
		return &problem{Status: http.StatusConflict, Detail: err.Error()}
	}
	replyJSON(w, map[string]int{"struck": 0})
	return nil
}

func (p *Proxy) obeyFault(o faultRequest, in Injection) (struck int, bad *problem) {
	var err error
	switch {
	case o.targets() != 1:
		return 0, invalidField("share", "name one of share, connection and all")
	case o.All:
		struck, err = p.InjectAll(in)
	case o.Share != nil:
		if !(*o.Share >= 0 && *o.Share <= 1) {
			return 0, invalidField("share", "%v is not within 0 and 1", *o.Share)
		}
		struck, err = p.InjectShare(*o.Share, in)
	default:
		if err = p.InjectInto(*o.Connection, in); err == nil {
			struck = 1
		}
	}
	return struck, o.failed(struck, err)
}

// failed is told only where nothing was struck: else the number tells.
func (o faultRequest) failed(struck int, err error) *problem {
	switch {
	case err == nil || struck > 0:
		return nil
	case o.Connection != nil && errors.Is(err, net.ErrClosed):
		return &problem{Status: http.StatusNotFound, Detail: err.Error(), Field: "connection"}
	case errors.Is(err, net.ErrClosed):
		return nil // they have ended meanwhile
	case errors.Is(err, messages.ErrInvalid):
		return invalidField("fault", "%v", err)
	}
	return &problem{Status: http.StatusConflict, Detail: err.Error()}
}
