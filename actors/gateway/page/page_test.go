package page_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

const anywhere = "127.0.0.1:0"

const live = `document.body.dataset.link === "live"`

// row is the table's row of the connection.
func row(id messages.ID) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#table tbody tr")].find(tr => tr.innerText.includes(%q))`, id.String()[:8])
}

// chip is the button of a state.
func chip(state string) string {
	return fmt.Sprintf(`document.querySelector("#chips [data-state='%s']")`, state)
}

func TestAThousandConnectionsAreSeenAndACutOneComesBack(t *testing.T) {
	w := newPageWorld(t)
	for range 999 {
		w.register(nil)
	}
	id := w.dial(nil)
	b := visit(browser(t), t, w.open(anywhere, nil).url)
	b.until(`%s.innerText === "1,000 open"`, chip("open"))
	b.until(`document.querySelectorAll("#table tbody tr").length === 100`)
	b.until(`document.querySelector("#found").innerText === "100 of 1,000"`)

	w.gate.Refuse(-1, drops.Refuse{})
	w.strike(id, drops.Reset{})
	b.until(`%s?.innerText.includes("backoff")`, row(id))
	b.until(`%s.innerText === "1 backoff"`, chip("backoff"))
	b.until(`/attempt \d+ .*: handshake refused with status 503/.test(%s.innerText)`, row(id))
	w.gate.Open()
	if err := w.m.Retry(id); err != nil {
		t.Fatal(err)
	}
	b.until(`%s?.innerText.includes("open")`, row(id))
	b.until(`%s.innerText === "1,000 open"`, chip("open"))
	b.until(`document.querySelector("#chart-drops svg").ariaLabel.startsWith("Openings /s: opened ")`)
}

func TestSearchAndStateNarrowTheTable(t *testing.T) {
	w := newPageWorld(t)
	for i := range 30 {
		w.dial(map[string]string{"venue": fmt.Sprint("venue", i%3)})
	}
	lost := w.dial(map[string]string{"venue": "Élysée"})
	w.gate.Refuse(-1, drops.Refuse{Status: 403})
	w.strike(lost, drops.Reset{})
	w.wait(lost, messages.Parked)
	b := visit(browser(t), t, w.open(anywhere, nil).url)
	shows := func(n int) {
		t.Helper()
		b.until(`document.querySelectorAll("#table tbody tr").length === %d && document.querySelector("#found").innerText === "%[1]d"`, n)
	}
	shows(31)
	for _, c := range []struct {
		search string
		rows   int
	}{
		// each with another number than the one before
		{"venue1", 10}, {"élys", 1}, {"venue=venue2", 10}, {"venue1 parked", 0}, {"VENUE0 open", 10},
		{lost.String(), 1}, {"server:80", 31}, {lost.String()[:13], 1},
	} {
		b.types("#search", c.search)
		shows(c.rows)
	}
	b.types("#search", "")
	shows(31)
	b.do(chromedp.Click(chromedp.CSS("#chips [data-state=parked]")))
	shows(1)
	b.do(chromedp.Click(chromedp.CSS("#chips [data-state=parked]")))
	shows(31)
	b.do(chromedp.Click(chromedp.CSS("#table th.labels button")))
	b.until(`document.querySelector("#table tbody tr td.labels").innerText === "venue=venue0"`)
	b.do(chromedp.Click(chromedp.CSS("#table th.labels button")))
	b.until(`document.querySelector("#table tbody tr td.labels").innerText === "venue=Élysée"`)
	b.until(`document.querySelector("#table th.labels").ariaSort === "descending"`)
}

func TestAllCanBeDoneByKeyboard(t *testing.T) {
	w := newPageWorld(t)
	for range 5 {
		w.dial(map[string]string{"kind": "other"})
	}
	id := w.dial(map[string]string{"kind": "mine"})
	b := visit(browser(t), t, w.open(anywhere, nil).url)
	b.until(live)
	b.do(chromedp.KeyEvent("/"))
	b.until(`document.activeElement.id === "search"`)
	b.types("#search", "mine")
	b.until(`document.querySelectorAll("#table tbody tr").length === 1`)
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.until(`document.activeElement.ariaLabel === "Details of %s"`, id)
	b.until(`getComputedStyle(document.activeElement).outlineStyle === "solid"`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.id === "detail-title" && document.querySelector("#detail-id").innerText === "%s"`, id)
	b.until(`document.querySelector("#detail-state").innerText === "open"`)
	b.until(`document.querySelector("#facts").innerText.includes("kind=mine")`)
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("by hand"+kb.Enter))
	b.until(`document.querySelector("#said").innerText === "Admitted."`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`document.querySelector("#detail").hidden && document.activeElement.ariaLabel === "Details of %s"`, id)
	b.types("#search", "")
	b.until(`document.querySelectorAll("#table tbody tr").length === 6`)
	b.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.End))
	b.until(`document.activeElement.closest("tr") === document.querySelector("#table tbody").lastElementChild`)
	if n := ask[int](b, `document.querySelectorAll("#table tbody button[tabindex='0']").length`); n != 1 {
		t.Errorf("the tab key stops at %d rows, want 1", n)
	}
}

func TestTheButtonsSendRetryAndClose(t *testing.T) {
	w := newPageWorld(t)
	id := w.dial(nil)
	b := visit(browser(t), t, w.open(anywhere, nil).url+"#"+id.String())
	b.until(`document.querySelector("#detail-state").innerText === "open" && document.querySelector("#retry").disabled`)
	b.types("#text", "héllo"+kb.Enter)
	b.until(`document.querySelector("#said").innerText === "Admitted." && document.querySelector("#text").value === ""`)
	b.until(`/Received\s+1\b/.test(document.querySelector("#facts").innerText)`) // the echo
	if got := w.got(); !slices.Equal(got, []string{"héllo"}) {
		t.Errorf("the peer has read %q", got)
	}

	w.gate.Refuse(-1, drops.Refuse{Status: 403})
	w.strike(id, drops.Reset{})
	w.wait(id, messages.Parked)
	b.until(`document.querySelector("#detail-why").innerText.includes("status 403")`)
	b.until(`/probe in 4 m/.test(document.querySelector("#detail-why").innerText.toLowerCase())`)
	b.types("#text", "later"+kb.Enter)
	b.until(`document.querySelector("#facts").innerText.includes("1 (5 B)")`)
	w.gate.Open()
	b.do(chromedp.Click(chromedp.CSS("#retry:enabled")))
	b.until(`document.querySelector("#detail-state").innerText === "open"`)
	b.until(`[...document.querySelectorAll("#history .state")].map(e => e.innerText).join(" ").startsWith("open connecting parked")`)

	b.do(chromedp.Click(chromedp.CSS("#close")))
	if info, err := w.m.Info(id); err != nil || info.State != messages.Open {
		t.Fatalf("one click has closed it: %v, %v", info.State, err)
	}
	b.do(chromedp.Click(chromedp.CSS("#close[data-armed=yes]")))
	w.wait(id, messages.Closed)
	b.until(`document.querySelector("#detail-why").innerText.startsWith("connection closed by us with code 1000")`)
	b.until(`document.querySelector("#text").disabled && document.querySelector("#close").disabled`)
}

func TestARefusedButtonSaysWhy(t *testing.T) {
	w := newPageWorld(t)
	w.gate.Refuse(-1, drops.Refuse{Status: 403})
	id := w.register(nil)
	w.wait(id, messages.Parked)
	for range 256 {
		if err := w.m.Send(id, messages.Text("a")); err != nil {
			t.Fatal(err)
		}
	}
	b := visit(browser(t), t, w.open(anywhere, nil).url+"#"+id.String())
	b.until(`document.querySelector("#detail-state").innerText === "parked"`)
	b.types("#text", "one more"+kb.Enter)
	b.until(`document.querySelector("#said").innerText === "outbox is full (429)"`)
	b.until(`document.querySelector("#text").value === "one more"`)
}

// watch counts the WebSockets that pages have opened, and hold.
type watch struct{ opened, held atomic.Int64 }

func (w *watch) behind(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			w.opened.Add(1)
			w.held.Add(1)
			defer w.held.Add(-1)
		}
		h.ServeHTTP(rw, r)
	})
}

func TestThePageComesBackAfterRestartsWithOneSocket(t *testing.T) {
	w := newPageWorld(t)
	w.dial(nil)
	s := w.open(anywhere, nil)
	b := visit(browser(t), t, s.url)
	b.until(live)
	for range 3 {
		s.close()
		b.until(`document.querySelector("#link").innerText === "reconnecting"`)
		b.hurries()
		var sockets watch
		s = w.open(s.addr, sockets.behind)
		b.until(live)
		b.until(`%s.innerText === "1 open"`, chip("open"))
		b.hurries()
		b.linger()
		if opened, held := sockets.opened.Load(), sockets.held.Load(); opened != 1 || held != 1 {
			t.Fatalf("after the restart %d sockets were opened and %d are held, want 1 and 1", opened, held)
		}
	}
}

// hurries tells the page twice that the network is back.
func (b *tab) hurries() {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event("online")), dispatchEvent(new Event("online"))`))
}

func TestThePageGivesUpASocketThatIsSilent(t *testing.T) {
	w := newPageWorld(t)
	var sockets watch
	s := w.open(anywhere, sockets.behind)
	b := visit(browser(t), t, s.url)
	b.until(live)
	befall := func(conns []*drops.Conn, f drops.Fault) {
		for _, c := range conns {
			if err := f.Inject(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	silent := s.listener.Conns()
	befall(silent, drops.Silence{})
	b.until(`document.body.dataset.link === "reconnecting"`)
	b.until(live)
	befall(silent, drops.Reset{}) // what the old socket still has to say does not count
	b.linger()
	if n := sockets.opened.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
}

func TestWhatStrangersWroteIsText(t *testing.T) {
	const hostile = `<img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>`
	w := newPageWorld(t)
	w.gate.Refuse(-1, hostileRefusal{})
	id := w.register(map[string]string{hostile: hostile, "href": "javascript:document.title='pwned'"})
	w.wait(id, messages.Parked)
	if err := w.m.Join(id, hostile); err != nil {
		t.Fatal(err)
	}
	b := visit(browser(t), t, w.open(anywhere, nil).url+"#"+id.String())
	b.until(`document.querySelector("#facts").innerText.includes(%q)`, hostile)
	b.until(`document.querySelector("#table tbody td.labels").innerText.includes(%q)`, hostile)
	b.until(`document.querySelectorAll("img, a, script:not([type=module])").length === 0`)
	if title := ask[string](b, `document.title`); title != "Tether" {
		t.Errorf("the title is %q", title)
	}
}

type hostileRefusal struct{}

func (hostileRefusal) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "<img src=x onerror=alert(1)>")
	w.WriteHeader(http.StatusForbidden)
}

func (hostileRefusal) String() string { return "hostile" }

const token = "s3cret+/="

// tokenGuard stands for the gateway's Guard.
func tokenGuard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offered := "bearer." + base64.RawURLEncoding.EncodeToString([]byte(token))
		given := r.Header.Get("Authorization") == "Bearer "+token || slices.Contains(websocket.Subprotocols(r), offered)
		if r.URL.Path != "/" && !given {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func TestATokenIsAskedForAndPresented(t *testing.T) {
	w := newPageWorld(t)
	id := w.dial(nil)
	b := visit(browser(t), t, w.open(anywhere, tokenGuard).url)
	b.until(`document.querySelector("#login").open && document.querySelector("#denied").innerText === ""`)
	b.types("#token", "guess"+kb.Enter)
	b.until(`document.querySelector("#login").open && document.querySelector("#denied").innerText !== ""`)
	b.types("#token", token+kb.Enter)
	b.until(live)
	b.do(chromedp.Reload())
	b.until(live)
	b.do(chromedp.Click(chromedp.CSS("#table td.id button")))
	b.until(`document.querySelector("#detail-id").innerText === "%s"`, id)
	b.types("#text", "with the token"+kb.Enter)
	b.until(`document.querySelector("#said").innerText === "Admitted."`)
	if c := ask[string](b, `document.cookie`); c != "" {
		t.Errorf("a cookie: %q", c)
	}
}

func TestItFitsThePhoneInDarkAndLight(t *testing.T) {
	w := newPageWorld(t)
	id := w.dial(map[string]string{"venue": strings.Repeat("long", 50)})
	chrome := browser(t)
	s := w.open(anywhere, nil)
	papers := make(map[string]string)
	for _, scheme := range []string{"dark", "light"} {
		b := visit(chrome, t, s.url, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), look(scheme))
		b.until("%s", row(id))
		if width := ask[int](b, `document.documentElement.scrollWidth`); width > 390 {
			t.Errorf("the page is %d wide on a phone of 390", width)
		}
		papers[scheme] = ask[string](b, `getComputedStyle(document.body).backgroundColor`)
		b.do(chromedp.Click(chromedp.CSS("#table td.id button")))
		b.until(`document.querySelector("#detail").getBoundingClientRect().width === 390`)
		b.until(`document.querySelector("#detail").scrollWidth <= 390`)
		b.until(`getComputedStyle(document.querySelector("main")).transitionDuration === "0s"`) // less motion is wished
	}
	if papers["dark"] == papers["light"] {
		t.Errorf("dark and light are both %v", papers["dark"])
	}
}

func TestTheDocumentAllowsNothingButItself(t *testing.T) {
	w := newPageWorld(t)
	s := w.open(anywhere, nil)
	_, h := fetch(t, s.url, nil)
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("the policy is %q", csp)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers are %v", h)
	}
	if status, _ := fetch(t, s.url, http.Header{"If-None-Match": {h.Get("Etag")}}); status != http.StatusNotModified {
		t.Errorf("the same document again: %d", status)
	}
	for path, want := range map[string]int{"live": http.StatusUpgradeRequired, "other": http.StatusNotFound} {
		if got, _ := fetch(t, s.url+path, nil); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func fetch(t *testing.T, url string, h http.Header) (status int, answer http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = h
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header
}
