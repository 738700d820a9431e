package gateway

import (
	_ "embed" // of the document
	"net/http"
)

//go:embed openapi.json
var openapi []byte

// document answers GET /v1/openapi.json.
func (c *control) document(r *call) error {
	r.w.Header().Set("Content-Type", "application/json")
	r.w.WriteHeader(http.StatusOK)
	_, _ = r.w.Write(openapi) // what can't be written, nobody waits for
	return nil
}
