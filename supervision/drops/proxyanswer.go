package drops

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// proxyAnswer is the upstream's to a handshake.
type proxyAnswer struct {
	*http.Response
	head  []byte // of an upgrade, as it came
	early []byte // the frames that came right behind it
}

// askUpstream writes the request and reads the answer; interim ones are passed over.
func askUpstream(server net.Conn, request []byte) (*proxyAnswer, error) {
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	o := &headReader{Reader: server}
	r := bufio.NewReader(o)
	for start := 0; ; {
		response, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet}) //nolint:bodyclose // it ends with the connection
		if err != nil {
			return nil, err
		}
		end := len(o.kept) - r.Buffered()
		switch status := response.StatusCode; {
		case status == http.StatusSwitchingProtocols:
			return &proxyAnswer{response, o.kept[start:end], o.kept[end:]}, nil
		case status >= http.StatusOK:
			o.over, o.kept = true, nil
			return &proxyAnswer{Response: response}, nil
		}
		start = end
	}
}

// maxHead is more than any server's answer takes up to its body.
const maxHead = 1 << 20

var errMaxHead = errors.New("the answer's head has more than 1 MiB")

// headReader keeps what is read until it is over.
type headReader struct {
	io.Reader
	kept []byte
	over bool
}

func (o *headReader) Read(b []byte) (int, error) {
	if len(o.kept) > maxHead {
		return 0, errMaxHead
	}
	n, err := o.Reader.Read(b)
	if !o.over {
		o.kept = append(o.kept, b[:n]...)
	}
	return n, err
}
