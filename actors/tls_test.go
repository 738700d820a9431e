package actors_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

const secureAddress = "example.com:443" // which httptest's certificate is for

// secure serves h over TLS at secureAddress and returns the certificates that
// vouch for it.
func (w *world) secure(h http.Handler) *x509.CertPool {
	w.t.Helper()
	l, err := w.net.Listen(secureAddress)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.secureOn(l, h)
}

func (w *world) secureOn(l net.Listener, h http.Handler) *x509.CertPool {
	quiet := log.New(io.Discard, "", 0)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ErrorLog: quiet}}
	s.StartTLS()
	w.t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// secureTarget is a target for the world's server over TLS.
func (w *world) secureTarget() actors.Target {
	t := w.target()
	t.URL = "wss://" + secureAddress + "/"
	t.Dialer.TLSClientConfig = &tls.Config{RootCAs: w.secure(http.HandlerFunc(w.handleSecure))}
	return t
}

func (w *world) handleSecure(rw http.ResponseWriter, r *http.Request) {
	ws, err := (&websocket.Upgrader{}).Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	w.mu.Lock()
	serve := w.serve
	w.mu.Unlock()
	serve(&peer{Conn: ws, wire: ws.NetConn().(*tls.Conn).NetConn().(*drops.Conn), req: r})
}

// roundTrips asserts that the connection sends and receives.
func (w *world) roundTrips(id messages.ID, said *diary) {
	w.t.Helper()
	for _, n := range []int{0, 125, 40_000, 200_000} {
		before := w.info(id).Received
		w.send(id, messages.Binary(pattern(n)))
		synctest.Wait()
		if got := said.data(); w.info(id).Received != before+1 || string(got) != string(pattern(n)) {
			w.t.Errorf("%d bytes came back as %d", n, len(got))
		}
	}
	m := messages.Text("sure")
	m.Guarantee = messages.AtLeastOnce
	if err := w.m.Deliver(w.t.Context(), id, m); err != nil {
		w.t.Error(err)
	}
}

func TestDialOverTLS(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target, said := w.secureTarget(), &diary{}
		target.Handler = said
		id := w.dial(target)
		w.roundTrips(id, said)
		for _, fault := range []drops.Fault{drops.Reset{}, drops.Torn{After: 3}, drops.Torn{After: 3, FIN: true}} {
			if err := fault.Inject(w.wire()); err != nil {
				t.Fatal(err)
			}
			m := messages.Text(fmt.Sprint(fault))
			m.Guarantee = messages.AtLeastOnce
			w.send(id, m)
			w.wait(id, messages.Backoff)
			w.wait(id, messages.Open)
			synctest.Wait()
			if !slices.Contains(said.all(), fmt.Sprintf("text %v", fault)) {
				t.Errorf("what was sent over the %v did not come back", fault)
			}
		}
		start := time.Now()
		if err := w.m.Close(t.Context(), id, 4000, "bye"); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
	})
}

func TestTLSTornByTheServer(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target, said := w.secureTarget(), &diary{}
		target.Handler = said
		id := w.dial(target)
		_ = drops.Torn{After: 5}.Inject(w.wire().Other())
		w.send(id, messages.Text("its echo is torn"))
		w.wait(id, messages.Backoff)
		w.wait(id, messages.Open)
		w.roundTrips(id, said)
	})
}

func TestASilentTLSPeerIsCut(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.secureTarget()
		id := w.dial(target)
		w.send(id, messages.Text("an echo"))
		synctest.Wait()
		start := time.Now()
		_ = drops.Silence{}.Inject(w.wire())
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 35*time.Second {
			t.Errorf("found after %v", found)
		}
	})
}

func TestAcceptOverTLS(t *testing.T) {
	said := &diary{}
	bubble(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		dialer := websocket.Dialer{
			NetDialContext: w.net.DialContext, TLSClientConfig: &tls.Config{RootCAs: w.secure(w.m)},
		}
		ws, _, err := dialer.Dial("wss://"+secureAddress+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		id := w.only()
		for _, n := range []int{1, 125, 65_536} {
			if err := ws.WriteMessage(websocket.BinaryMessage, pattern(n)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.send(id, messages.Binary(said.data()))
			if _, back, err := ws.ReadMessage(); err != nil || string(back) != string(pattern(n)) {
				t.Errorf("%d bytes came back as %d, %v", n, len(back), err)
			}
		}
		go ws.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<20))
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 1009) {
			t.Errorf("the peer read %v", err)
		}
		w.wait(id, messages.Closed)
	})
}

func TestABadCertificateParks(t *testing.T) {
	for name, spoil := range map[string]func(*actors.Target){
		"unknown authority": func(t *actors.Target) { t.Dialer.TLSClientConfig.RootCAs = x509.NewCertPool() },
		"other name":        func(t *actors.Target) { t.Dialer.TLSClientConfig.ServerName = "other.test" },
		"default roots":     func(t *actors.Target) { t.Dialer.TLSClientConfig = nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				target := w.secureTarget()
				spoil(&target)
				id, err := w.m.Dial(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				w.wait(id, messages.Parked)
				parked, _ := w.events.last(messages.Parked)
				var bad *tls.CertificateVerificationError
				if !errors.As(parked.Cause, &bad) || parked.Delay != 5*time.Minute || w.info(id).Incarnation != 1 {
					t.Errorf("parked for %v after %d attempts: %v", parked.Delay, w.info(id).Incarnation, parked.Cause)
				}
			})
		})
	}
}

func TestATLSHandshakeThatHangsTimesOut(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		l, err := w.net.Listen("mute:443")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		target := w.target()
		target.URL = "wss://mute:443/"
		start := time.Now()
		id, _ := w.m.Dial(t.Context(), target)
		w.wait(id, messages.Backoff)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("given up after %v", took)
		}
	})
}

// proxy stands at "proxy:3128". It speaks one protocol and asks for a user.
type proxy struct {
	speaks  func(net.Conn) (addr string, err error)
	tunnels inbox
}

const userAndPassword = "ada:secret"

// runs serves the proxy until stop is called.
func (p *proxy) runs(w *world) (stop func()) {
	l, err := w.net.Listen("proxy:3128")
	if err != nil {
		w.t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(w, c)
		}
	}()
	return func() { _ = l.Close() }
}

func (p *proxy) serve(w *world, c net.Conn) {
	defer c.Close()
	addr, err := p.speaks(c)
	if err != nil {
		return
	}
	p.tunnels.add(addr)
	up, err := w.net.DialContext(w.t.Context(), "tcp", addr)
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, c)
		_ = up.Close()
	}()
	_, _ = io.Copy(c, up)
}

var errRefused = errors.New("the proxy refuses")

// speaksHTTP answers CONNECT.
func speaksHTTP(user string) func(net.Conn) (string, error) {
	return func(c net.Conn) (string, error) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return "", err
		}
		want := ""
		if user != "" {
			want = "Basic " + base64.StdEncoding.EncodeToString([]byte(user))
		}
		if req.Method != http.MethodConnect || req.Header.Get("Proxy-Authorization") != want {
			_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return "", errRefused
		}
		_, err = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		return req.Host, err
	}
}

// speaksSOCKS answers a SOCKS5 client (RFC 1928 and 1929) that gives a name.
func speaksSOCKS(user string) func(net.Conn) (string, error) {
	return func(c net.Conn) (addr string, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = p.(error)
			}
		}()
		take := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(c, b); err != nil {
				panic(err)
			}
			return b
		}
		methods := take(int(take(2)[1]))
		if user == "" {
			_, _ = c.Write([]byte{5, 0})
		} else {
			if !slices.Contains(methods, 2) {
				_, _ = c.Write([]byte{5, 0xff})
				return "", errRefused
			}
			_, _ = c.Write([]byte{5, 2})
			name := take(int(take(2)[1]))
			password := take(int(take(1)[0]))
			if string(name)+":"+string(password) != user {
				_, _ = c.Write([]byte{1, 1})
				return "", errRefused
			}
			_, _ = c.Write([]byte{1, 0})
		}
		host := take(int(take(5)[4]))
		port := take(2)
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		return fmt.Sprintf("%s:%d", host, int(port[0])<<8|int(port[1])), nil
	}
}

var proxies = map[string]func(user string) func(net.Conn) (string, error){"http": speaksHTTP, "socks5": speaksSOCKS}

func via(scheme, user string) func(*http.Request) (*url.URL, error) {
	u := &url.URL{Scheme: scheme, Host: "proxy:3128"}
	if name, password, ok := strings.Cut(user, ":"); ok {
		u.User = url.UserPassword(name, password)
	}
	return http.ProxyURL(u)
}

func TestDialThroughAProxy(t *testing.T) {
	for scheme, speaks := range proxies {
		for _, user := range []string{"", userAndPassword} {
			for _, secure := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s user %q TLS %v", scheme, user, secure), func(t *testing.T) {
					bubble(t, actors.Config{}, func(t *testing.T, w *world) {
						p := &proxy{speaks: speaks(user)}
						defer p.runs(w)()
						target, said, to := w.target(), &diary{}, address
						if secure {
							target, to = w.secureTarget(), secureAddress
						}
						target.Handler, target.Dialer.Proxy = said, via(scheme, user)
						id := w.dial(target)
						w.roundTrips(id, said)
						if got := p.tunnels.got(); !slices.Equal(got, []string{to}) {
							t.Errorf("tunnels to %q", got)
						}
						_ = drops.Reset{}.Inject(w.net.Conns()[0])
						w.wait(id, messages.Backoff)
						w.wait(id, messages.Open)
						w.roundTrips(id, said)
						if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
							t.Error(err)
						}
					})
				})
			}
		}
	}
}

func TestAProxyThatRefusesIsTriedAgain(t *testing.T) {
	for scheme, speaks := range proxies {
		t.Run(scheme, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				p := &proxy{speaks: speaks("ada:changed")}
				stop := p.runs(w)
				target := w.target()
				target.Dialer.Proxy = via(scheme, userAndPassword)
				id, err := w.m.Dial(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				w.wait(id, messages.Backoff)
				backoff, _ := w.events.last(messages.Backoff)
				text := backoff.Cause.Error()
				if strings.Contains(text, "secret") {
					t.Errorf("the password is in %q", text)
				}
				if scheme == "http" && !strings.Contains(text, "407") {
					t.Errorf("the cause does not say what the proxy answered: %q", text)
				}
				stop()
				p = &proxy{speaks: speaks(userAndPassword)}
				defer p.runs(w)()
				w.wait(id, messages.Open)
			})
		})
	}
}

func TestAProxyThatHangsTimesOut(t *testing.T) {
	for scheme := range proxies {
		t.Run(scheme, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				l, err := w.net.Listen("proxy:3128")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				target := w.target()
				target.Dialer.Proxy = via(scheme, "")
				start := time.Now()
				id, _ := w.m.Dial(t.Context(), target)
				w.wait(id, messages.Backoff)
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("given up after %v", took)
				}
				w.wait(id, messages.Connecting)
				if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n := len(w.net.Conns()); n != 0 {
					t.Errorf("%d sockets are left", n)
				}
			})
		})
	}
}

func TestNoProxyIsAskedForNothing(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		asked := make(chan string, 1)
		target := w.target()
		target.Dialer.Proxy = func(r *http.Request) (*url.URL, error) {
			asked <- r.URL.String()
			return nil, nil
		}
		w.dial(target)
		if got := <-asked; got != "http://"+address+"/" {
			t.Errorf("the proxy was asked for of %q", got)
		}
	})
}
