package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

//go:embed document
var sources embed.FS

// scripts are the parts of the document's one script, in their order.
var scripts = []string{"format", "dom", "chart", "overview", "table", "detail", "live", "main"}

var document, policy, etag = compose()

// compose puts the document together, and allows by their hashes its own
// script and style alone.
func compose() (doc []byte, csp, tag string) {
	var script strings.Builder
	for _, name := range scripts {
		script.WriteString(source(name + ".js"))
	}
	style := source("page.css")
	doc = []byte(strings.NewReplacer(
		"<style></style>", "<style>"+style+"</style>",
		`<script type="module"></script>`, `<script type="module">`+script.String()+"</script>",
	).Replace(source("index.html")))
	csp = strings.Join([]string{
		"default-src 'none'",
		"script-src '" + hash(script.String()) + "'",
		"style-src '" + hash(style) + "'",
		"connect-src 'self'",
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
	return doc, csp, `"` + hash(string(doc)) + `"`
}

func source(name string) string {
	data, err := sources.ReadFile("document/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(data)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func serveDocument(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
}
