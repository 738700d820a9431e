package page_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/actors/gateway/page"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// site serves a status page, with what it needs of the control API, on a real
// socket.
type site struct {
	page     *page.Page
	server   http.Server
	listener *drops.Listener
	serving  sync.WaitGroup
	addr     string
	url      string
}

// open opens a site for w at addr; behind is what stands before it, or nil.
func (w *pageWorld) open(addr string, behind func(http.Handler) http.Handler) *site {
	w.t.Helper()
	return w.show(addr, w.fleet, behind)
}

// show is open for a fleet of one's own.
func (w *pageWorld) show(addr string, fleet gateway.Fleet, behind func(http.Handler) http.Handler) *site {
	w.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &site{page: page.New(fleet, someCounts, w.feed), listener: drops.Listen(l), addr: l.Addr().String()}
	s.url = "http://" + s.addr + "/"
	mux := w.control()
	mux.Handle("/", s.page)
	s.server.Handler = mux
	if behind != nil {
		s.server.Handler = behind(mux)
	}
	s.server.ReadHeaderTimeout = bound
	s.serving.Go(func() { s.server.Serve(s.listener) })
	w.t.Cleanup(s.close)
	return s
}

func (s *site) close() {
	s.server.Close()
	s.page.Close()
	s.serving.Wait()
}

func someCounts() gateway.Counts {
	return gateway.Counts{Accepted: 700, Refused: map[string]uint64{"origin": 3, "address_rate": 11, "full": 0}}
}

// control stands for what the page uses of the control API.
func (w *pageWorld) control() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(*http.Request, messages.ID) error) {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			id, err := messages.ParseID(r.PathValue("id"))
			if err == nil {
				err = do(r, id)
			}
			if err != nil {
				rw.Header().Set("Content-Type", "application/problem+json")
				rw.WriteHeader(http.StatusTooManyRequests)
				json.NewEncoder(rw).Encode(map[string]string{"detail": err.Error()})
			}
		})
	}
	handle("POST /v1/connections/{id}", func(r *http.Request, id messages.ID) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		return w.m.Send(id, messages.Text(string(body)))
	})
	handle("POST /v1/connections/{id}/retry", func(_ *http.Request, id messages.ID) error {
		return w.m.Retry(id)
	})
	handle("DELETE /v1/connections/{id}", func(r *http.Request, id messages.ID) error {
		return w.m.Close(r.Context(), id, 1000, "")
	})
	return mux
}
