package drops

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
)

// upgrade answers a handshake in earnest. When it returns an error, the
// request has been answered.
func upgrade(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	u := websocket.Upgrader{
		CheckOrigin:  func(*http.Request) bool { return true },
		Subprotocols: websocket.Subprotocols(r),
	}
	return u.Upgrade(w, r, nil)
}

// hold discards what comes until the client has ended its half of c, or ctx
// has ended, and closes c: earlier, the client's bytes would bring it an RST.
func hold(ctx context.Context, c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, c)
}
