package page_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/tetherws/tether/actors/gateway"
)

var shots = flag.String("shots", "", "the folder for screenshots of the status page, which take two minutes; none are made without")

func TestScreenshots(t *testing.T) {
	if *shots == "" {
		t.Skip("-shots names no folder")
	}
	s := newScene(t)
	site := s.show(anywhere, gateway.Local(s.m), nil)
	b := visit(browser(t), t, site.url)
	b.until(live)
	ready := make(chan struct{})
	s.playing.Go(func() { s.play(func() { close(ready) }) })
	<-ready
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 800}, {"tablet", 820, 1100}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(chromedp.EmulateViewport(size.width, size.height), look(scheme))
			b.shoot(fmt.Sprintf("%s-%s", size.name, scheme))
			b.do(chromedp.Click(chromedp.CSS("#table tbody tr td.id button")))
			b.until(`document.querySelector("#history").children.length > 0`)
			b.shoot(fmt.Sprintf("%s-%s-detail", size.name, scheme))
			b.do(chromedp.Click(chromedp.CSS("#detail-shut")))
			b.until(`document.querySelector("#detail").hidden`)
			b.do(chromedp.Evaluate[chromedp.Void]("document.activeElement.blur(), scrollTo(0, 0)"))
		}
	}
}

func (b *tab) shoot(name string) {
	b.t.Helper()
	b.linger()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
