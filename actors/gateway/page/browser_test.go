package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// bound is how long anything on the real clock may take. A browser on a busy
// machine is slow.
const bound = 30 * time.Second

// browser starts a chromium for the test. Where there is none the test is
// skipped, but never in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := chromium()
	if path == "" {
		const missing = "needs chromium: apt-get install chromium, or see https://www.chromium.org"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox)...) // root can't have one
	t.Cleanup(stop)
	ctx, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("ending the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tab is a page that is open in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// visit opens the URL, after the first steps. The test fails on what the
// page's script throws, and on what its policy refuses it.
func visit(browser context.Context, t *testing.T, url string, first ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	if err := chromedp.Do(ctx, append([]chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(1280, 800)}, first...)...); err != nil {
		t.Fatal(err)
	}
	b := &tab{t, ctx}
	var listening sync.WaitGroup
	said := chromedp.Console(ctx)
	listening.Go(func() {
		for m, err := range said {
			if err == nil && (m.IsException() || m.Source == "security" || m.Source == "violation") {
				t.Errorf("in the page: %v", m)
			}
		}
	})
	t.Cleanup(func() {
		closeTab()
		listening.Wait()
	})
	b.do(chromedp.Navigate(url))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, bound)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// until waits for the expression to be true in the page.
func (b *tab) until(format string, args ...any) {
	b.t.Helper()
	expression := fmt.Sprintf(format, args...)
	ctx, cancel := context.WithTimeout(b.ctx, bound)
	defer cancel()
	for {
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if met {
			return
		}
		if err == nil {
			err = chromedp.Do(ctx, chromedp.Sleep(50*time.Millisecond))
		}
		if err != nil {
			b.t.Fatalf("waiting for %s: %v; the page shows:\n%s", expression, err, b.text("body"))
		}
	}
}

// types has the keys take the place of what the field of the selector holds.
func (b *tab) types(selector, keys string) {
	b.t.Helper()
	field := fmt.Sprintf("document.querySelector(%q)", selector)
	b.do(chromedp.Evaluate[chromedp.Void](field+".focus(), "+field+".select()"), chromedp.KeyEvent(kb.Backspace+keys))
}

// linger gives the page time for what it must not do, such as to open a
// socket too many.
func (b *tab) linger() {
	b.t.Helper()
	b.do(chromedp.Sleep(2 * time.Second))
}

// text is what a reader sees of the first element of the selector.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return ask[string](b, "document.querySelector(%q).innerText", selector)
}

// ask evaluates the expression in the page.
func ask[T any](b *tab, format string, args ...any) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(format, args...)))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// look sets what the browser tells the page of its reader's wishes.
func look(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		type feature struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		}
		return t.Call(ctx, "Emulation.setEmulatedMedia", map[string][]feature{
			"features": {{"prefers-color-scheme", scheme}, {"prefers-reduced-motion", "reduce"}},
		}, nil)
	})
}
